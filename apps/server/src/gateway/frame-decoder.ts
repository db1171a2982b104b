import { isUtf8 } from 'node:buffer';

/** The bytes are no MessagePack document of the kinds that the client wire uses. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}

/** Deeper than any request: transactions nest 32 deep with three levels each, an owner's JSON a little. */
const MAX_DEPTH = 128;

/**
 * Reads one MessagePack document from a stranger. A library would allocate what a length claims before it looks whether
 * so many bytes are there, and would build dates, errors and expressions from extension types; here a length is checked
 * first, extension types are refused (save `undefined`, as msgpackr writes it, whose field is left out), and a field
 * named `__proto__` is a field like any other. Byte strings are views of `frame`. Source: SECURITY S10, S16.
 * @throws MalformedFrame
 */
export function decodeFrame(frame: Buffer): unknown {
  const reader = new FrameReader(frame);
  const value = reader.read(0);
  reader.assertEnd();
  return value;
}

class FrameReader {
  private position = 0;

  constructor(private readonly frame: Buffer) {}

  assertEnd(): void {
    if (this.position !== this.frame.length) throw new MalformedFrame('bytes after the end of the document');
  }

  read(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new MalformedFrame('nested too deep');
    const tag = this.unsigned(1);
    if (tag <= 0x7f) return tag;
    if (tag <= 0x8f) return this.fields(tag & 0x0f, depth);
    if (tag <= 0x9f) return this.list(tag & 0x0f, depth);
    if (tag <= 0xbf) return this.text(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    return this.tagged(tag, depth);
  }

  private tagged(tag: number, depth: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.bytes(this.unsigned(1));
      case 0xc5:
        return this.bytes(this.unsigned(2));
      case 0xc6:
        return this.bytes(this.unsigned(4));
      case 0xd4:
        return this.undefinedExtension();
      case 0xd9:
        return this.text(this.unsigned(1));
      case 0xda:
        return this.text(this.unsigned(2));
      case 0xdb:
        return this.text(this.unsigned(4));
      case 0xdc:
        return this.list(this.unsigned(2), depth);
      case 0xdd:
        return this.list(this.unsigned(4), depth);
      case 0xde:
        return this.fields(this.unsigned(2), depth);
      case 0xdf:
        return this.fields(this.unsigned(4), depth);
      default:
        return this.number(tag);
    }
  }

  private number(tag: number): number {
    switch (tag) {
      case 0xca:
        return this.frame.readFloatBE(this.advance(4));
      case 0xcb:
        return this.frame.readDoubleBE(this.advance(8));
      case 0xcc:
        return this.unsigned(1);
      case 0xcd:
        return this.unsigned(2);
      case 0xce:
        return this.unsigned(4);
      // Beyond 2^53 the number is not exact, and no field of the wire allows it.
      case 0xcf:
        return Number(this.frame.readBigUInt64BE(this.advance(8)));
      case 0xd0:
        return this.frame.readInt8(this.advance(1));
      case 0xd1:
        return this.frame.readInt16BE(this.advance(2));
      case 0xd2:
        return this.frame.readInt32BE(this.advance(4));
      case 0xd3:
        return Number(this.frame.readBigInt64BE(this.advance(8)));
      default:
        throw new MalformedFrame(`type 0x${tag.toString(16)} is not used on this wire`);
    }
  }

  private list(length: number, depth: number): unknown[] {
    // Each element takes a byte at least.
    this.assertLeft(length);
    const list: unknown[] = [];
    for (let index = 0; index < length; index += 1) list.push(this.read(depth + 1));
    return list;
  }

  private fields(count: number, depth: number): Record<string, unknown> {
    this.assertLeft(2 * count);
    const fields: Record<string, unknown> = {};
    for (let index = 0; index < count; index += 1) {
      const name = this.read(depth + 1);
      if (typeof name !== 'string') throw new MalformedFrame('a field name is not text');
      const value = this.read(depth + 1);
      if (value === undefined) continue;
      if (name === '__proto__')
        Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
      else fields[name] = value;
    }
    return fields;
  }

  private text(length: number): string {
    const start = this.advance(length);
    // One character for each byte: plain ASCII, or bytes to be looked at once more.
    const text = this.frame.toString('latin1', start, start + length);
    if (ASCII.test(text)) return text;
    const bytes = this.frame.subarray(start, start + length);
    if (!isUtf8(bytes)) throw new MalformedFrame('text that is not UTF-8');
    return bytes.toString('utf8');
  }

  private bytes(length: number): Buffer {
    const start = this.advance(length);
    return this.frame.subarray(start, start + length);
  }

  private undefinedExtension(): undefined {
    if (this.unsigned(2) !== 0) throw new MalformedFrame('extension types are not used on this wire');
    return undefined;
  }

  private unsigned(size: 1 | 2 | 4): number {
    const start = this.advance(size);
    if (size === 1) return this.frame[start] ?? 0;
    return size === 2 ? this.frame.readUInt16BE(start) : this.frame.readUInt32BE(start);
  }

  /** Where the next `size` bytes begin. */
  private advance(size: number): number {
    this.assertLeft(size);
    const start = this.position;
    this.position += size;
    return start;
  }

  private assertLeft(size: number): void {
    if (size > this.frame.length - this.position) throw new MalformedFrame('the document ends too early');
  }
}

// oxlint-disable-next-line no-control-regex -- the control characters are what is meant
const ASCII = /^[\u0000-\u007f]*$/;
