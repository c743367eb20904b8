/** A fault that a product of this kind has had, how to put it back here, and the test that must then fail. */
export interface Fault {
  /** `F1`; further ways in which the same fault can come back have a letter: `F1b`. */
  readonly id: string;
  /** What goes wrong, in one line. */
  readonly meaning: string;
  /** The product's file; `source` occurs in it exactly once. */
  readonly file: string;
  readonly source: string;
  /** What stands there instead where the fault is put back. */
  readonly fault: string;
  /** The file of the test, and the title that `it` gives it. */
  readonly test: { readonly file: string; readonly title: string };
}

/** `F1b` is a way of `F1`. */
export const isOf = ({ id }: Fault, asked: string): boolean => id === asked || id.replace(/[a-z]$/, '') === asked;

/** @throws {Error} where the source is not in the file, or more than once: the list and the product have parted */
export function putBack({ id, file, source, fault }: Fault, text: string): string {
  const places = text.split(source).length - 1;
  if (places !== 1) throw new Error(`${id}: expected its source once in ${file}, found it ${places} times`);
  return text.replace(source, () => fault);
}
