/** What a node's settings say about requests. */
export type RequestLimits = { readonly maxValueBytes: number };
