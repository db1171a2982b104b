import { usageError, type CliError } from '../cli-error.js';

const PORT_MAX = 65_535;

/**
 * Reads one mapping of a cluster file field by field. Every refusal names the file and the path of the field
 * (`cluster.yaml: nodes[1].client.port: …`), and `end` refuses fields that nobody asked for: a misspelled setting that
 * is silently ignored is a wrong cluster.
 */
export class FieldReader {
  readonly #file: string;
  readonly #path: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  constructor(file: string, path: string, value: unknown) {
    this.#file = file;
    this.#path = path;
    if (!isMapping(value))
      throw usageError(`${file}: ${path === '' ? 'the file' : path} must be a mapping of names to values`);
    this.#fields = value;
  }

  error(field: string, problem: string): CliError {
    return usageError(`${this.#file}: ${this.#pathOf(field)}: ${problem}`);
  }

  has(field: string): boolean {
    return this.#fields[field] !== undefined && this.#fields[field] !== null;
  }

  text(field: string): string {
    const value = this.optionalText(field);
    if (value === null) throw this.error(field, 'is missing');
    return value;
  }

  optionalText(field: string): string | null {
    this.#read.add(field);
    const value = this.#fields[field];
    if (value === undefined || value === null) return null;
    // A clusterId of only digits is a number to YAML.
    if (typeof value === 'number') return String(value);
    if (typeof value !== 'string' || value.trim() === '') throw this.error(field, 'must be a non-empty text');
    return value;
  }

  port(field: string): number {
    this.#read.add(field);
    const value = this.#fields[field];
    if (value === undefined || value === null) throw this.error(field, 'is missing');
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > PORT_MAX) {
      throw this.error(field, `must be a port number (1 to ${PORT_MAX}), got ${JSON.stringify(value)}`);
    }
    return value;
  }

  flag(field: string): boolean {
    this.#read.add(field);
    const value = this.#fields[field] ?? false;
    if (typeof value !== 'boolean') throw this.error(field, `must be true or false, got ${JSON.stringify(value)}`);
    return value;
  }

  oneOf<Choice extends string>(field: string, choices: readonly Choice[], otherwise: Choice): Choice {
    const value = this.optionalText(field);
    if (value === null) return otherwise;
    const choice = choices.find((known) => known === value);
    if (choice === undefined) throw this.error(field, `must be one of ${choices.join(', ')}, got "${value}"`);
    return choice;
  }

  mapping(field: string): FieldReader | null {
    this.#read.add(field);
    if (!this.has(field)) return null;
    return new FieldReader(this.#file, this.#pathOf(field), this.#fields[field]);
  }

  list(field: string): readonly FieldReader[] {
    this.#read.add(field);
    const value = this.#fields[field];
    if (!Array.isArray(value)) throw this.error(field, 'must be a list');
    return value.map((item, at) => new FieldReader(this.#file, `${this.#pathOf(field)}[${at}]`, item));
  }

  /** All remaining fields as texts: numbers and booleans as YAML shows them. */
  texts(): Readonly<Record<string, string>> {
    const texts: Record<string, string> = {};
    for (const [field, value] of Object.entries(this.#fields)) {
      this.#read.add(field);
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
        throw this.error(field, 'must be a text, a number, true or false');
      }
      texts[field] = String(value);
    }
    return texts;
  }

  /** @throws CliError (usage) for a field that was never read. */
  end(): void {
    const unknown = Object.keys(this.#fields).find((field) => !this.#read.has(field));
    if (unknown !== undefined) throw this.error(unknown, `is not known here (known: ${[...this.#read].join(', ')})`);
  }

  #pathOf(field: string): string {
    return this.#path === '' ? field : `${this.#path}.${field}`;
  }
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
