/** Of text of characters up to 255 each, which is all that a simulation writes. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
  return bytes;
}

export const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
