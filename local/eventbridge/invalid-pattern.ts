/** The pattern breaks a rule of the pattern language; the message says which. */
export class InvalidPattern extends Error {
  override readonly name = 'InvalidPattern';
}
