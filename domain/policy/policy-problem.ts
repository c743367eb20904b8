/** One thing wrong in a policy: where (`budgets[2].limit`), what was expected there, and the path for tools. */
export interface PolicyProblem {
  readonly place: string;
  readonly message: string;
  readonly path: readonly PropertyKey[];
}

/** `['budgets', 2, 'limit']` → `budgets[2].limit`; the document itself is `policy`. */
export function placeOf(path: readonly PropertyKey[]): string {
  const place = path
    .map((step) =>
      typeof step === 'number'
        ? `[${step}]`
        : /^[A-Za-z_][\w-]*$/.test(String(step))
          ? `.${String(step)}`
          : `["${String(step)}"]`,
    )
    .join('')
    .replace(/^\./, '');
  return place === '' ? 'policy' : place;
}
