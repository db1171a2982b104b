export type StreamEvent = {
  readonly id: string | null;
  readonly name: string | null;
  readonly data: Record<string, unknown>;
};

/** Reads server-sent events as a browser does. */
export class EventStreamReader {
  readonly events: StreamEvent[] = [];
  private readonly aborter = new AbortController();
  private readonly lookers = new Set<() => void>();

  private constructor(readonly response: Response) {}

  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventStreamReader> {
    const aborter = new AbortController();
    const response = await fetch(url, { headers, signal: aborter.signal });
    const reader = new EventStreamReader(response);
    reader.aborter.signal.addEventListener('abort', () => aborter.abort());
    if (response.ok) reader.read().catch(() => undefined);
    return reader;
  }

  async until(count: number): Promise<readonly StreamEvent[]> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.events.length < count) return;
        this.lookers.delete(look);
        resolve();
      };
      this.lookers.add(look);
      look();
    });
    return this.events;
  }

  close(): void {
    this.aborter.abort();
  }

  private async read(): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of this.response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.take(block);
    }
  }

  private take(block: string): void {
    const field = (name: string): string | null => {
      const line = block.split('\n').find((candidate) => candidate.startsWith(`${name}: `));
      return line === undefined ? null : line.slice(name.length + 2);
    };
    const data = field('data');
    if (data !== null) this.events.push({ id: field('id'), name: field('event'), data: JSON.parse(data) });
    for (const look of [...this.lookers]) look();
  }
}
