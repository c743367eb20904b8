/** A fault that is put back into the product, and that the invariants must notice. */
export interface Mutant {
  readonly id: string;
  /** What the product does with it. */
  readonly meaning: string;
  readonly changes: readonly Change[];
}

export interface Change {
  readonly file: string;
  /** Stands once in the file. */
  readonly source: string;
  readonly mutant: string;
}
