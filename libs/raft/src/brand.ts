declare const brand: unique symbol;

/** A nominal type: values of different brands do not mix, though both are the same at run time. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
