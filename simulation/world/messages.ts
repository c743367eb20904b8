import type { PutEventsCommandInput } from '@aws-sdk/client-eventbridge';
import type { PublishCommandInput } from '@aws-sdk/client-sns';
import type { Operations } from './clients.ts';

/** What was told: notices to people and chat, events to programs. */
export class Told {
  /** How often each notice was taken by its topic: `<topic> <notice id>`. */
  readonly notices = new Map<string, number>();
  readonly events = new Map<string, number>();

  get sns(): Operations {
    return {
      PublishCommand: ({ TopicArn = '', MessageAttributes = {} }: PublishCommandInput) => {
        count(
          this.notices,
          `${TopicArn.slice(TopicArn.lastIndexOf(':') + 1)} ${MessageAttributes['id']?.StringValue ?? ''}`,
        );
        return { MessageId: 'm' };
      },
    };
  }

  /** @param heard what the bus does with an event of its own */
  eventBridge(heard: (type: string, detail: unknown, source: string) => void): Operations {
    return {
      PutEventsCommand: ({ Entries = [] }: PutEventsCommandInput) => {
        for (const { DetailType = '', Detail = '{}', Source = '' } of Entries) {
          const detail: unknown = JSON.parse(Detail);
          const id = (detail as { readonly id?: unknown }).id;
          if (typeof id === 'string') count(this.events, id);
          heard(DetailType, detail, Source);
        }
        return { FailedEntryCount: 0, Entries: Entries.map((_, at) => ({ EventId: `e${at}` })) };
      },
    };
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Parameter Store. */
export function ssm(): Operations {
  const values = new Map<string, string>();
  return {
    GetParametersCommand: ({ Names = [] }: { readonly Names?: readonly string[] }) => ({
      Parameters: Names.flatMap((Name) => (values.has(Name) ? [{ Name, Value: values.get(Name) }] : [])),
    }),
    PutParameterCommand: ({ Name = '', Value = '' }: { readonly Name?: string; readonly Value?: string }) => {
      values.set(Name, Value);
      return {};
    },
  };
}
