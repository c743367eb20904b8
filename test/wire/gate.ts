/** A promise that is resolved from outside, for tests that hold something back. */
export interface Gate {
  readonly passed: Promise<undefined>;
  open(): void;
}

export function createGate(): Gate {
  let open = (): void => {};
  const passed = new Promise<undefined>((resolve) => {
    open = () => resolve(undefined);
  });
  return { passed, open: () => open() };
}
