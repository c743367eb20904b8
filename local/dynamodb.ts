/**
 * Amazon DynamoDB by dynalite, one store for each Region, in this process. Dynalite is fed requests of our own making
 * and never reached from outside.
 *
 * Not there, answered with UnknownOperationException: transactions, PartiQL, backups, global tables, streams, and
 * changing the time to live. `ReturnValuesOnConditionCheckFailure` is answered by a read after the refusal.
 */
import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { join } from 'node:path';
import dynalite from 'dynalite';
import { isObject, parseObject } from './members.ts';
import { AwsFault, type JsonObject, type Operation, type Service } from './service.ts';

const OPERATIONS = [
  'BatchGetItem',
  'BatchWriteItem',
  'CreateTable',
  'DeleteItem',
  'DeleteTable',
  'DescribeTable',
  'DescribeTimeToLive',
  'GetItem',
  'ListTables',
  'ListTagsOfResource',
  'PutItem',
  'Query',
  'Scan',
  'TagResource',
  'UntagResource',
  'UpdateItem',
  'UpdateTable',
] as const;

export interface DynamoDb {
  readonly service: Service;
  /** Waits for writes under way and closes the stores. */
  close(): Promise<void>;
}

/** @param path folder for the stores, one below it for each Region; in memory when undefined. */
export function createDynamoDb(accountId: string, path: string | undefined): DynamoDb {
  const stores = new Map<string, Server>();
  const inFlight = new Set<Promise<unknown>>();
  let closing = false;

  const storeOf = (region: string): Server => {
    const store = stores.get(region) ?? openStore(accountId, region, path);
    stores.set(region, store);
    return store;
  };

  const operation =
    (name: string): Operation =>
    async (input, call) => {
      // A request to a store that has been closed would bring the process down.
      if (closing) throw new AwsFault('ServiceUnavailable', 'The service is shutting down.', 503);
      const running = send(storeOf(call.region), name, input);
      inFlight.add(running);
      try {
        return await running;
      } catch (error) {
        throw await withOldItem(error, input, (operation, request) => send(storeOf(call.region), operation, request));
      } finally {
        inFlight.delete(running);
      }
    };

  const createTable: Operation = async (input, call) => {
    const created = await operation('CreateTable')(input, call);
    await untilActive(() => operation('DescribeTable')({ TableName: input['TableName'] }, call));
    return created;
  };

  return {
    service: {
      signingName: 'dynamodb',
      protocol: { kind: 'json', targetPrefix: 'DynamoDB_20120810', version: '1.0' },
      operations: {
        ...Object.fromEntries(OPERATIONS.map((name) => [name, operation(name)])),
        CreateTable: createTable,
      },
    },
    async close() {
      closing = true;
      await Promise.allSettled(inFlight);
      await Promise.all([...stores.values()].map(closeStore));
    },
  };
}

type Ask = (operation: string, input: JsonObject) => Promise<JsonObject>;

/** Adds the item that a condition was refused by, where the caller has asked for it. */
async function withOldItem(error: unknown, input: JsonObject, ask: Ask): Promise<unknown> {
  const { TableName, Key, Item, ReturnValuesOnConditionCheckFailure: wanted } = input;
  if (!(error instanceof AwsFault) || error.code !== 'ConditionalCheckFailedException' || wanted !== 'ALL_OLD')
    return error;
  const key = Key ?? (await keyOf(TableName, Item, ask));
  const { Item: old } = await ask('GetItem', { TableName, Key: key, ConsistentRead: true });
  return old === undefined ? error : new AwsFault(error.code, error.message, error.status, { Item: old });
}

async function keyOf(table: JsonObject[string], item: JsonObject[string], ask: Ask): Promise<JsonObject> {
  const { Table } = await ask('DescribeTable', { TableName: table });
  const schema = isObject(Table) && Array.isArray(Table['KeySchema']) ? Table['KeySchema'] : [];
  const names = schema.map((part) => (isObject(part) ? String(part['AttributeName']) : ''));
  return Object.fromEntries(names.map((name) => [name, isObject(item) ? item[name] : undefined]));
}

/** A table is answered as CREATING, as by AWS, but is ready before the answer is sent: no client needs to poll. */
async function untilActive(describe: () => JsonObject | Promise<JsonObject>): Promise<void> {
  for (;;) {
    const { Table } = await describe();
    if (isObject(Table) && Table['TableStatus'] === 'ACTIVE') return;
    await new Promise((resume) => setImmediate(resume));
  }
}

/** Dynalite takes account and Region, which it puts into ARNs, from the environment at the moment it is made. */
function openStore(accountId: string, region: string, path: string | undefined): Server {
  const { AWS_ACCOUNT_ID, AWS_REGION } = process.env;
  try {
    Object.assign(process.env, { AWS_ACCOUNT_ID: accountId, AWS_REGION: region });
    return dynalite({
      createTableMs: 0,
      deleteTableMs: 0,
      updateTableMs: 0,
      ...(path === undefined ? {} : { path: join(path, region) }),
    });
  } finally {
    restore('AWS_ACCOUNT_ID', AWS_ACCOUNT_ID);
    restore('AWS_REGION', AWS_REGION);
  }
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** Dynalite closes its store only when a listening server is closed, so it listens for this moment. */
async function closeStore(store: Server): Promise<void> {
  store.listen(0, '127.0.0.1');
  await once(store, 'listening');
  await new Promise<void>((closed, failed) => store.close((error) => (error ? failed(error) : closed())));
}

/** What dynalite uses of a request and a response. */
async function send(store: Server, operation: string, input: JsonObject): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const request = Object.assign(new EventEmitter(), {
      method: 'POST',
      url: '/',
      headers: {
        authorization: STORE_AUTHORIZATION,
        'x-amz-date': 'unsigned',
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDB_20120810.${operation}`,
      },
    });
    const response = {
      statusCode: 200,
      setHeader: () => {},
      end(body: string) {
        const answer = parseObject(body) ?? {};
        if (response.statusCode === 200) resolve(answer);
        else reject(faultOf(answer, response.statusCode));
      },
    };
    store.emit('request', request, response);
    try {
      request.emit('data', Buffer.from(JSON.stringify(input)));
      request.emit('end');
    } catch (error) {
      reject(error);
    }
  });
}

/** The caller's own signature has been read by the front; dynalite wants to see the parts of one. */
const STORE_AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=b';

function faultOf(answer: JsonObject, status: number): AwsFault {
  const { __type, message, Message, ...members } = answer;
  const type = typeof __type === 'string' ? __type : 'InternalServerError';
  return new AwsFault(type.slice(type.indexOf('#') + 1), String(message ?? Message ?? ''), status, members);
}
