type GiveBack = () => Promise<void>;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Every governor of this process that is not closed: one listener serves them all. */
const governors = new Set<GiveBack>();

/**
 * Gives unused money back when the process has nothing left to do, or is asked to end.
 * @returns a function that forgets it again
 */
export function atProcessEnd(giveBack: GiveBack): () => void {
  if (governors.size === 0) listen();
  governors.add(giveBack);
  return () => {
    if (governors.delete(giveBack) && governors.size === 0) stopListening();
  };
}

function listen(): void {
  process.once('beforeExit', onRest);
  // First in the line, to see whether anybody else listens: listeners for one time are gone once they were called.
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function stopListening(): void {
  process.off('beforeExit', onRest);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

const onRest = (): void => void giveAllBack();

/** Where nobody else listens, Node would have ended the process at once: so the signal is sent again afterwards. */
function onSignal(signal: NodeJS.Signals): void {
  const isOurs = process.listenerCount(signal) === 1;
  void giveAllBack().then(() => {
    if (!isOurs) return;
    stopListening();
    process.kill(process.pid, signal);
  });
}

async function giveAllBack(): Promise<void> {
  await Promise.allSettled([...governors].map((giveBack) => giveBack()));
}
