/** By whose right something is delivered: an AWS service that the destination must admit, or a role of the account. */
export type Authority =
  | { readonly service: string; readonly sourceArn: string }
  /** A role of the account: its policies decide. */
  | { readonly roleArn: string };

/** Something one AWS service hands to another. */
export interface Delivery {
  readonly authority: Authority;
  readonly body: string;
  /** For SNS topics. */
  readonly subject?: string;
  /** String attributes, for SQS queues and SNS topics. */
  readonly attributes?: Readonly<Record<string, MessageAttribute>>;
}

export interface MessageAttribute {
  /** `String`, `Number`, `Binary` or such with a suffix; SNS also has `String.Array`. */
  readonly DataType: string;
  readonly StringValue?: string;
  /** Base64. */
  readonly BinaryValue?: string;
}

/** The destination did not take a delivery. `code` is one of the error codes of EventBridge's dead-letter messages. */
export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure';
  readonly code: 'NO_PERMISSIONS' | 'NO_RESOURCE' | 'ERROR_FROM_TARGET' | 'THROTTLING' | 'INVALID_PAYLOAD';
  readonly retryable: boolean;

  constructor(code: DeliveryFailure['code'], message: string, retryable = false) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

export type Receive = (arn: string, delivery: Delivery) => void | Promise<void>;

/** Whether a role may do something to a resource. */
export type RoleMay = (roleArn: string, action: string, resource: string) => boolean;

/** What a role needs for a delivery, by the service part of the destination's ARN. */
const DELIVERING: Readonly<Record<string, string>> = {
  sqs: 'sqs:SendMessage',
  sns: 'sns:Publish',
  lambda: 'lambda:InvokeFunction',
  events: 'events:PutEvents',
};

/** Finds the service that an ARN belongs to and hands it a delivery. */
export class Destinations {
  readonly #receivers = new Map<string, Receive>();
  readonly #roleMay: RoleMay;

  constructor(roleMay: RoleMay = () => true) {
    this.#roleMay = roleMay;
  }

  /** @param service the service part of the ARNs that `receive` takes, such as `sqs` */
  register(service: string, receive: Receive): void {
    this.#receivers.set(service, receive);
  }

  /** @throws {DeliveryFailure} */
  async send(arn: string, delivery: Delivery): Promise<void> {
    const service = arn.split(':')[2] ?? '';
    const receive = this.#receivers.get(service);
    if (receive === undefined) throw new DeliveryFailure('NO_RESOURCE', `nothing here can receive for ${arn}`);
    const { authority } = delivery;
    const action = DELIVERING[service];
    if ('roleArn' in authority && action !== undefined && !this.#roleMay(authority.roleArn, action, arn))
      throw new DeliveryFailure(
        'NO_PERMISSIONS',
        `${authority.roleArn} is not authorized to perform: ${action} on ${arn}`,
      );
    await receive(arn, delivery);
  }
}
