/** Processes that a cell is made for: 5 write units for each write, and room for twice as many before it is worn out. */
const PROCESSES_PER_CELL = 64;
/** Processes that share the budget's own item without a visible loss at the edge: see bench/ledger. */
const PROCESSES_WITHOUT_CELLS = 100;

/** How many cells a budget has; undefined where its processes lease from its own item. */
export const cellsFor = (processes: number): number | undefined =>
  processes > PROCESSES_WITHOUT_CELLS ? Math.ceil(processes / PROCESSES_PER_CELL) : undefined;
