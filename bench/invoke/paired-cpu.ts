/** One unit of work, such as a call. */
export type Work = () => Promise<void>;

/** Units in a row before the next arm's turn: short beside whatever else goes on in the machine. */
const IN_A_ROW = 20;

/**
 * CPU time of several ways to do the same work, in nanoseconds a unit, block by block. In a block the arms take turns in
 * changing order, so that all of them see the same machine, heap and temperature.
 */
export async function pairedCpu(
  arms: readonly Work[],
  { blocks, turns, inARow = IN_A_ROW }: { readonly blocks: number; readonly turns: number; readonly inARow?: number },
): Promise<readonly (readonly number[])[]> {
  const measured: number[][] = [];
  // The first block is for the compiler.
  for (let block = -1; block < blocks; block++) {
    const spent = arms.map(() => 0);
    for (let turn = 0; turn < turns; turn++)
      for (const arm of order(arms.length, turn + block + 1)) {
        const began = process.cpuUsage();
        for (let unit = 0; unit < inARow; unit++) await arms[arm]?.();
        const { user, system } = process.cpuUsage(began);
        spent[arm] = (spent[arm] ?? 0) + user + system;
      }
    if (block >= 0) measured.push(spent.map((micros) => (micros * 1_000) / (turns * inARow)));
  }
  return measured;
}

/** Each arm comes as often first as last. */
function order(count: number, turn: number): readonly number[] {
  const rotated = Array.from({ length: count }, (_, place) => (place + (turn >> 1)) % count);
  return turn % 2 === 0 ? rotated : rotated.reverse();
}
