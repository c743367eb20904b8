declare const brand: unique symbol;

/** A `T` that only the function which checked it can make: an ARN is not any string, money is not any number. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
