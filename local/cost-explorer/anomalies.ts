/** The anomalies that were found, as GetAnomalies answers them. */
import type { JsonObject, Operation } from '../service.ts';
import { type AnomalyRegister, type FoundAnomaly, paged } from './anomaly-register.ts';
import { invalid, members } from './refusals.ts';

const DAY_MS = 86_400_000;

/**
 * Filters by monitor and by the days on which an anomaly was observed. `TotalImpact` and `Feedback` as filters are not
 * embedded. A monitor that does not exist has none: the operation declares no error for it. [API model]
 */
export const anomalyLookUp = (register: AnomalyRegister): Readonly<Record<string, Operation>> => ({
  GetAnomalies(input) {
    const read = members(input);
    for (const filter of ['TotalImpact', 'Feedback'])
      if (input[filter] !== undefined) throw invalid(`The filter ${filter} is not embedded.`);
    const interval = members(read.object('DateInterval'));
    const from = dayOf('StartDate', interval.string('StartDate'));
    const last = interval.optionalString('EndDate');
    const until = last === undefined ? Number.POSITIVE_INFINITY : dayOf('EndDate', last) + DAY_MS;
    if (until <= from) throw invalid('StartDate must not be after EndDate.');
    const monitor = read.optionalString('MonitorArn');
    const found = register.anomalies.filter(
      ({ monitorArn, day }) => (monitor === undefined || monitor === monitorArn) && day >= from && day < until,
    );
    return paged(input, 'Anomalies', found.map(describeAnomaly));
  },
});

function dayOf(name: string, text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at)) throw invalid(`${name} must be a day such as 2026-11-20.`);
  return at;
}

const isoSeconds = (at: number): string => new Date(at).toISOString().replace(/\.\d+/, '');

const describeAnomaly = (anomaly: FoundAnomaly): JsonObject => ({
  AnomalyId: anomaly.id,
  AnomalyStartDate: isoSeconds(anomaly.day),
  AnomalyEndDate: isoSeconds(anomaly.day),
  DimensionValue: anomaly.dimensionValue,
  RootCauses: [...anomaly.rootCauses],
  AnomalyScore: { MaxScore: anomaly.score, CurrentScore: anomaly.score },
  Impact: anomaly.impact,
  MonitorArn: anomaly.monitorArn,
});
