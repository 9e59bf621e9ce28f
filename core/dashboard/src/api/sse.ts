// Server-sent events over fetch, since EventSource can't send an Authorization header.

export interface StreamEvent {
  id: string;
  name: string;
  data: string;
}

// Cuts a text/event-stream into events, whatever the chunks.
export class EventParser {
  private rest = '';
  private name = '';
  private data: string[] = [];
  private lastId = '';

  push(chunk: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.data.length > 0)
          events.push({id: this.lastId, name: this.name || 'message', data: this.data.join('\n')});
        this.name = '';
        this.data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.name = value;
      else if (field === 'data') this.data.push(value);
      else if (field === 'id') this.lastId = value;
    }
    return events;
  }
}
