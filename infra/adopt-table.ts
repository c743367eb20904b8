import { readFile, writeFile } from 'node:fs/promises';
import * as z from 'zod';

/**
 * Of `npm run package`: the stack uses the table that is there, which an earlier stack has left behind. With `=<name>` one
 * of another name, such as one that was restored beside it.
 */
export const ADOPT_TABLE = '--adopt-table';

const isAdopting = (flag: string): boolean => flag === ADOPT_TABLE || flag.startsWith(`${ADOPT_TABLE}=`);

/** What of the flags is not for osls, and the name of the table, where it is to be adopted; empty for the stack's own name. */
export function adoptionOf(flags: readonly string[]): { readonly others: readonly string[]; readonly table?: string } {
  const adopting = flags.find(isAdopting);
  const others = flags.filter((flag) => !isAdopting(flag));
  return adopting === undefined ? { others } : { others, table: adopting.slice(ADOPT_TABLE.length + 1) };
}

const TABLE = 'GovernorTable';

const Template = z.looseObject({
  Resources: z.looseObject({ [TABLE]: z.object({ Properties: z.looseObject({ TableName: z.string().min(3) }) }) }),
});

/**
 * The same stack without its table: what refers to it names the one that is there. A stack that is removed leaves its
 * table, and CloudFormation refuses to make another one of that name.
 *
 * @param other its name, where it is not that which the stack gives
 * @throws where the template makes no table of a name of its own
 */
export function withAdoptedTable(template: unknown, other = ''): unknown {
  const parsed = Template.parse(template);
  const { [TABLE]: table, ...Resources } = parsed.Resources;
  const name = other === '' ? z.string().parse(table.Properties['TableName']) : other;
  return adopted({ ...parsed, Resources }, name);
}

const arnOf = (name: string): string =>
  `arn:\${AWS::Partition}:dynamodb:\${AWS::Region}:\${AWS::AccountId}:table/${name}`;

function adopted(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((each) => adopted(each, name));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value);
  const [[key, operand] = ['', undefined]] = members;
  if (members.length === 1) {
    if (key === 'Ref' && operand === TABLE) return name;
    if (key === 'Fn::GetAtt' && String(operand) === `${TABLE},Arn`) return { 'Fn::Sub': arnOf(name) };
    if (key === 'Fn::Sub' && typeof operand === 'string')
      return { 'Fn::Sub': operand.replaceAll(`\${${TABLE}.Arn}`, arnOf(name)).replaceAll(`\${${TABLE}}`, name) };
  }
  return Object.fromEntries(members.map(([member, each]) => [member, adopted(each, name)]));
}

export async function adoptTable(templatePath: string, name: string): Promise<void> {
  const template: unknown = JSON.parse(await readFile(templatePath, 'utf8'));
  await writeFile(templatePath, JSON.stringify(withAdoptedTable(template, name), null, 2));
}
