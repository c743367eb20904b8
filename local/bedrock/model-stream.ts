/** The course of an answer that streams. */
import { encodeException } from '../protocols/event-stream.ts';
import type { ByteStream } from '../protocols/wire.ts';
import type { Generation } from './generation.ts';
import type { ModelCallPlan } from './model-call-plan.ts';
import { modelError } from './model-errors.ts';

/** An answer as events of one API. */
export interface StreamParts {
  readonly opening: readonly Buffer[];
  /** @param outputTokens generated up to here, this piece with them */
  piece(text: string, outputTokens: number): Buffer;
  readonly closing: readonly Buffer[];
}

/** How a call ended: `left` when the client went away, `broken` as planned. */
export type CallEnd = 'answered' | 'broken' | 'left';

export interface StreamOptions {
  readonly generation: Generation;
  readonly parts: StreamParts;
  readonly plan: ModelCallPlan;
  /** Waits for virtual time; false when the client left meanwhile. */
  readonly wait: (ms: number, gone: AbortSignal) => Promise<boolean>;
  /** Called once, before the last bytes are sent. */
  readonly onEnd: (outputTokens: number, end: CallEnd) => void;
}

const DEFAULT_CHUNKS = 4;

/**
 * A stream that is left or broken is billed its whole input, and the output generated up to there: the pieces made so
 * far, whether or not they arrived. (AWS bills what was generated; how much a model still generates after its client
 * has left is UNVERIFIED, here it stops.)
 */
export function modelStream({ generation, parts, plan, wait, onEnd }: StreamOptions): ByteStream {
  const pieces = piecesOf(generation, plan.chunks ?? DEFAULT_CHUNKS);
  return async function* (gone) {
    let generated = 0;
    let ended = false;
    const end = (how: CallEnd): void => {
      if (!ended) onEnd(generated, how);
      ended = true;
    };
    try {
      if (!(await wait(plan.latencyMs ?? 0, gone))) return;
      for (const event of parts.opening) yield event;
      for (const [index, { text, outputTokens }] of pieces.entries()) {
        if (index === plan.breaks?.afterChunks) break;
        if (index > 0 && !(await wait(plan.chunkLatencyMs ?? 0, gone))) return;
        generated = outputTokens;
        yield parts.piece(text, outputTokens);
      }
      if (plan.breaks !== undefined) {
        end('broken');
        if (plan.breaks.by === 'cut') throw new Error('the stream is cut as planned');
        yield encodeException(memberOf(plan.breaks.by), modelError(plan.breaks.by).message);
        return;
      }
      end('answered');
      for (const event of parts.closing) yield event;
    } finally {
      end('left');
    }
  };
}

/** As a member of the union of events, such as `throttlingException`. */
function memberOf(errorName: string): string {
  return `${errorName.charAt(0).toLowerCase()}${errorName.slice(1)}`;
}

/** Cuts the text into even pieces, and spreads the tokens over them. */
function piecesOf({ text, usage }: Generation, chunks: number): { text: string; outputTokens: number }[] {
  const count = Math.max(1, Math.min(chunks, text.length, usage.outputTokens));
  return Array.from({ length: count }, (_, index) => ({
    text: text.slice(Math.floor((index * text.length) / count), Math.floor(((index + 1) * text.length) / count)),
    outputTokens: Math.floor(((index + 1) * usage.outputTokens) / count),
  }));
}
