/** Puts the embedded AWS together: one endpoint, one virtual clock, all services. */
import { randomUUID } from 'node:crypto';
import { createActivity } from './activity.ts';
import { ApplicationProfiles } from './bedrock/application-profiles.ts';
import { createBedrockControlPlane } from './bedrock/control-plane.ts';
import { type ModelCall, type ModelCallPlanner, ModelCalls } from './bedrock/model-call-plan.ts';
import { createBedrockRuntime } from './bedrock/runtime.ts';
import { type BudgetsOptions, createBudgets } from './budgets/budgets.ts';
import { createCloudFormation } from './cloudformation/cloudformation.ts';
import type { DeployedStack, DeployOptions } from './cloudformation/stack.ts';
import { createCloudTrail } from './cloudtrail.ts';
import { AccountMetrics } from './cloudwatch/account-metrics.ts';
import { type CloudWatchOptions, createCloudWatch } from './cloudwatch/cloudwatch.ts';
import { answerControlRequest, isControlRequest } from './control-api.ts';
import { type CostExplorerOptions, createCostExplorer } from './cost-explorer/cost-explorer.ts';
import { Destinations } from './destinations.ts';
import { createDispatcher } from './dispatch.ts';
import { createDynamoDb } from './dynamodb.ts';
import { createEventBridge } from './eventbridge/event-bridge.ts';
import { createScheduler } from './eventbridge/scheduler.ts';
import { startHttpFront } from './http-front.ts';
import { createAuthorizer, createRoleMay } from './iam/authorizer.ts';
import { createIam } from './iam.ts';
import { createIdentifiers } from './identifiers.ts';
import { type Interception, Interceptors } from './interceptors.ts';
import type { InvocationResult } from './lambda/execution-environment.ts';
import { createLambda } from './lambda/lambda.ts';
import { type Outage, outageOf } from './outages.ts';
import { createPriceList } from './pricing.ts';
import { Principals } from './principals.ts';
import type { Answer, WireRequest } from './protocols/wire.ts';
import { createSecretsManager } from './secrets-manager.ts';
import type { BilledUsage, Json, JsonObject, Observation, Observer, Service, World } from './service.ts';
import { createSns } from './sns.ts';
import { createQueues } from './sqs.ts';
import { createSsm } from './ssm.ts';
import { createSts } from './sts.ts';
import { createTagging, TaggedElsewhere } from './tagging.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface EmbeddedAwsOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** The home Region; every Region exists. Default `us-east-1`. */
  readonly region?: string;
  /** 12 digits. Default `123456789012`. */
  readonly accountId?: string;
  /** Milliseconds since the epoch at which the virtual clock starts. Default: now. */
  readonly startAt?: number;
  /** Folder that keeps the DynamoDB tables across restarts; in memory when left out. Nothing else is kept. */
  readonly dynamoDbPath?: string;
  /** Decides all generated ids. Default: always the same, unless tables are kept, in which old ids could recur. */
  readonly seed?: string;
  /** How late billing data and AWS Budgets are. */
  readonly budgets?: BudgetsOptions;
  /** How late costs show, and whether the account pays for itself. */
  readonly costExplorer?: CostExplorerOptions;
  /** How late metrics are. */
  readonly cloudWatch?: CloudWatchOptions;
}

export interface EmbeddedAws {
  /** Base URL, such as `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  readonly accountId: string;
  readonly homeRegion: string;
  readonly clock: VirtualClock;
  /** All billed usage so far, in order of time. */
  readonly billing: readonly BilledUsage[];
  /** Returns a function that stops the observing. */
  observe(observer: Observer): () => void;
  /** Lets a test fail calls or lose answers. Returns a function that takes the interception away. */
  intercept(interception: Interception): () => void;
  /** Lets a service be out for a span of virtual time. Returns a function that ends it at once. */
  planOutage(outage: Outage): () => void;
  /** Every attempt that has reached the Bedrock runtime so far, also those that failed there. */
  readonly modelCalls: readonly ModelCall[];
  /** Lets a test decide how long model calls take and how they fail. Returns a function that takes the planner away. */
  planModelCalls(planner: ModelCallPlanner): () => void;
  /** Makes an access key stand for a principal, such as the session of an assumed role, perhaps with policies. */
  registerPrincipal: World['registerPrincipal'];
  /** Puts a resource there of which nothing is known but its tags, as the tagging API lists it; or replaces its tags. */
  putTaggedResource(arn: string, tags: Readonly<Record<string, string>>): void;
  /**
   * Puts an event on a bus as a rule of another account would, by the role of its target.
   *
   * @throws {DeliveryFailure} where the bus does not take it
   */
  forwardEvent(busArn: string, roleArn: string, event: JsonObject): Promise<void>;
  /** Resolves when every event and invocation set off so far has ended, with all that it set off. */
  settled(): Promise<void>;
  /** What any AWS client needs in its environment to talk to this endpoint and nothing else. */
  environment(): Record<string, string>;
  /**
   * Makes or updates a stack from a packaged template and its zips; the functions in it run as deployed.
   *
   * @throws {TemplateError} that names what cannot be made
   */
  deploy(options: DeployOptions): Promise<DeployedStack>;
  /** Removes a stack, by default the one that {@link deploy} makes by default; what its template retains stays. */
  removeStack(options?: Pick<DeployOptions, 'stackName' | 'region'>): Promise<void>;
  /** Invokes a deployed function with a JSON value and waits for its result. */
  invoke(functionName: string, event: Json): Promise<InvocationResult>;
  /** What a function has written to its output so far, line by line. */
  logs(functionName: string): readonly string[];
  /** Ends functions, breaks open connections and closes the tables. */
  close(): Promise<void>;
}

export async function startEmbeddedAws(options: EmbeddedAwsOptions = {}): Promise<EmbeddedAws> {
  const homeRegion = options.region ?? 'us-east-1';
  const accountId = options.accountId ?? '123456789012';
  const identifiers = createIdentifiers(
    options.seed ?? (options.dynamoDbPath === undefined ? 'embedded' : randomUUID()),
  );
  const activity = createActivity();
  const clock = new VirtualClock(options.startAt ?? Date.now(), () => activity.settled());
  const principals = new Principals(accountId);
  const interceptors = new Interceptors();
  const observers = new Set<Observer>();
  const observe = (observation: Observation): void => {
    for (const observer of [...observers]) observer(observation);
  };
  const billing: BilledUsage[] = [];
  let endpoint = '';

  const services: Service[] = [];
  const world: World = {
    accountId,
    homeRegion,
    clock,
    activity,
    observe,
    endpoint: () => endpoint,
    registerPrincipal: (principal) => principals.register(principal),
    billing,
    putAwsEvent: (region, event) => eventBridge.putAwsEvent(region, event),
  };
  const roleMay = createRoleMay(world, principals);
  const destinations = new Destinations(roleMay);
  const eventBridge = createEventBridge(world, destinations, identifiers);
  const queues = createQueues(world, destinations, identifiers);
  const lambda = createLambda(world, destinations, identifiers, roleMay);
  services.push(eventBridge.service, queues.service, lambda.service);
  services.push(createSns(world, destinations, identifiers));
  services.push(createBudgets(world, destinations, options.budgets));
  services.push(createCostExplorer(world, destinations, identifiers, options.costExplorer));
  const scheduler = createScheduler(world, destinations, identifiers);
  const makesAlarms = options.cloudWatch?.alarmsOfStacks ?? false;
  const cloudFormation = createCloudFormation({
    world,
    services,
    queues,
    lambda,
    scheduler,
    identifiers,
    makesAlarms,
    keepsTables: options.dynamoDbPath !== undefined,
    principals,
  });

  const dynamoDb = createDynamoDb(accountId, options.dynamoDbPath);
  services.push(dynamoDb.service);
  const secrets = createSecretsManager(world, identifiers);
  services.push(createSts(), createSsm(world), secrets.service, createPriceList());
  const profiles = new ApplicationProfiles(accountId, () => identifiers.alphanumeric(12));
  services.push(createBedrockControlPlane(world, profiles));
  const modelCalls = new ModelCalls();
  services.push(createBedrockRuntime({ world, profiles, calls: modelCalls, bill: (usage) => billing.push(usage) }));
  const taggedElsewhere = new TaggedElsewhere();
  services.push(createTagging(profiles, taggedElsewhere));
  const accountMetrics = makesAlarms ? new AccountMetrics(world, queues) : undefined;
  if (accountMetrics !== undefined) observers.add((observation) => accountMetrics.observe(observation));
  services.push(createCloudWatch(world, destinations, accountMetrics, options.cloudWatch));
  const cloudTrail = createCloudTrail(world, () => identifiers.uuid());
  services.push(cloudTrail.service, createIam(principals, accountId));

  const dispatch = createDispatcher({
    services,
    principals,
    interceptors,
    authorize: createAuthorizer({ world, principals, profiles, dynamoDb: dynamoDb.service, secrets }),
    observe,
    homeRegion,
    requestId: () => identifiers.uuid(),
    onOutcome: (call, input, outcome) => cloudTrail.record(call, input, outcome),
  });
  const answer = async (request: WireRequest): Promise<Answer> => {
    if (comesFromBrowser(request)) return FORBIDDEN;
    return isControlRequest(request) ? answerControlRequest(request, clock) : dispatch(request);
  };
  const front = await startHttpFront({ port: options.port ?? 0, now: () => clock.now(), answer });
  endpoint = `http://127.0.0.1:${front.port}`;

  return {
    endpoint,
    accountId,
    homeRegion,
    clock,
    billing,
    observe(observer) {
      observers.add(observer);
      return () => {
        observers.delete(observer);
      };
    },
    intercept: (interception) => interceptors.add(interception),
    planOutage: (outage) => interceptors.add(outageOf(outage, () => clock.now())),
    modelCalls: modelCalls.made,
    planModelCalls: (planner) => modelCalls.plan(planner),
    registerPrincipal: world.registerPrincipal,
    putTaggedResource: (arn, tags) => taggedElsewhere.put(arn, tags),
    forwardEvent: (busArn, roleArn, event) =>
      destinations.send(busArn, { authority: { roleArn }, body: JSON.stringify(event) }),
    settled: () => activity.settled(),
    environment: () => ({
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: homeRegion,
      AWS_DEFAULT_REGION: homeRegion,
      AWS_ACCESS_KEY_ID: 'embedded',
      AWS_SECRET_ACCESS_KEY: 'not-verified',
      AWS_EC2_METADATA_DISABLED: 'true',
    }),
    deploy: (deployOptions) => cloudFormation.deploy(deployOptions),
    removeStack: ({ stackName = 'embedded', region = homeRegion } = {}) => cloudFormation.remove(stackName, region),
    invoke: (functionName, event) => lambda.invoke(functionName, JSON.stringify(event)),
    logs: (functionName) => lambda.logs(functionName),
    async close() {
      clock.stop();
      await lambda.close();
      await front.close();
      await dynamoDb.close();
    },
  };
}

const FORBIDDEN: Answer = {
  status: 403,
  headers: { 'content-type': 'application/json' },
  body: '{"message":"Requests of web pages are refused."}',
};

/** A page that someone has open must not reach a server that takes every signature. */
function comesFromBrowser(request: WireRequest): boolean {
  return request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined;
}
