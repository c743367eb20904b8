import { Fault } from '../domain/fault.ts';

/** Commands that read, by how AWS names them. */
const READS = /^(Get|List|Describe|Query|BatchGet|Lookup)\w*Command$/;

type Initialize = (
  next: (args: unknown) => Promise<unknown>,
  context: { readonly commandName?: string },
) => (args: unknown) => Promise<unknown>;

/**
 * Makes an AWS client refuse whatever is not a read, before it is sent. Returns the client.
 *
 * @throws {Fault} `ReadOnly` from the client: a mistake of ours, that must not become a change in AWS
 */
export function readOnly<Client extends { middlewareStack: { add(middleware: never, options: never): void } }>(
  client: Client,
): Client {
  const refuse: Initialize = (next, { commandName = 'an unnamed command' }) => {
    if (READS.test(commandName)) return next;
    return () => {
      throw new Fault('ReadOnly', {
        doing: `asking AWS for ${commandName}`,
        problem: 'this is a dry run, which changes nothing',
        next: 'Nothing was changed. Report it: something that should only read has tried to write.',
      });
    };
  };
  (client.middlewareStack as { add(middleware: unknown, options: object): void }).add(refuse, {
    step: 'initialize',
    priority: 'high',
    name: 'readOnly',
  });
  return client;
}
