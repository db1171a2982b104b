/** Bytes from a peer that are no frame of ours. The connection that brought them is closed; the node lives on. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}
