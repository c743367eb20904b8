/** The checks that AWS derives from the API model, and the message in which it lists what fails. */
import { AwsFault, type Json } from '../service.ts';

export interface TextConstraint {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
}

/** Gathers every violation of a request, as AWS does, before it refuses. */
export class Violations {
  readonly #found: string[] = [];

  /** @param path the member as AWS names it, such as `tags.1.member.key` */
  text(path: string, value: Json | undefined, { min, max, pattern }: TextConstraint): void {
    if (value === undefined || value === null) return;
    if (typeof value !== 'string') {
      throw new AwsFault('SerializationException', `${path} must be a string.`);
    }
    const length = [...value].length;
    if (min !== undefined && length < min)
      this.add(path, value, `Member must have length greater than or equal to ${min}`);
    if (max !== undefined && length > max)
      this.add(path, value, `Member must have length less than or equal to ${max}`);
    if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(value)) {
      this.add(path, value, `Member must satisfy regular expression pattern: ${pattern}`);
    }
  }

  required(path: string, value: Json | undefined): void {
    if (value === undefined || value === null) this.add(path, null, 'Member must not be null');
  }

  oneOf(path: string, value: Json | undefined, allowed: readonly string[]): void {
    if (value === undefined || value === null || (typeof value === 'string' && allowed.includes(value))) return;
    this.add(path, value, `Member must satisfy enum value set: [${allowed.join(', ')}]`);
  }

  add(path: string, value: Json, constraint: string): void {
    const shown = value === null ? 'null' : `'${typeof value === 'string' ? value : JSON.stringify(value)}'`;
    this.#found.push(`Value ${shown} at '${path}' failed to satisfy constraint: ${constraint}`);
  }

  refuse(): void {
    if (this.#found.length === 0) return;
    const errors = this.#found.length === 1 ? 'error' : 'errors';
    throw new AwsFault(
      'ValidationException',
      `${this.#found.length} validation ${errors} detected: ${this.#found.join('; ')}`,
    );
  }
}
