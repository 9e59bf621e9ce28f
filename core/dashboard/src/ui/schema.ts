// A JSON Schema of a plugin's configuration as a flat list of keys, in the plugin's own order.
import type {Schema} from '../api/types';

export interface Key {
  path: string; // "metrics.*.quantile.q"
  type: string;
  bounds: string;
  required: boolean;
  fallback: string;
  doc: string;
  notes: string[];
}

export function typeName(schema: Schema): string {
  if (schema.enum) return schema.enum.join(' | ');
  const unit = schema['x-unit'];
  if (typeof unit === 'string') return unit;
  if (schema.type === 'array')
    return `list of ${schema.items ? typeName(schema.items) : 'anything'}`;
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object')
    return `map of ${typeName(schema.additionalProperties)}`;
  if (schema.type === 'object') return 'map';
  return Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'anything');
}

export function boundsOf(schema: Schema): string {
  const parts: string[] = [];
  if (schema.minimum !== undefined) parts.push(`at least ${schema.minimum}`);
  if (schema.exclusiveMinimum !== undefined) parts.push(`above ${schema.exclusiveMinimum}`);
  if (schema.maximum !== undefined) parts.push(`at most ${schema.maximum}`);
  if (schema.exclusiveMaximum !== undefined) parts.push(`below ${schema.exclusiveMaximum}`);
  if (schema.minItems) parts.push(`at least ${schema.minItems} of them`);
  if (schema.pattern) parts.push(`matches ${schema.pattern}`);
  return parts.join(', ');
}

function fallbackOf(schema: Schema): string {
  const value = schema.default;
  if (value === undefined || value === '') return '';
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function notesOf(schema: Schema): string[] {
  const notes: string[] = [];
  if (schema['x-secret']) notes.push('secret, masked wherever it is shown');
  if (schema['x-runtime']) notes.push('may use ${target.…}, filled in for each action');
  if (schema['x-deprecated']) notes.push(`deprecated: ${String(schema['x-deprecated'])}`);
  return notes;
}

// What is inside a list or a map, with how its members are written in a path.
function inner(schema: Schema): [Schema, string] | null {
  if (schema.items) return [schema.items, '[]'];
  if (typeof schema.additionalProperties === 'object') return [schema.additionalProperties, '.*'];
  return null;
}

export function keysOf(schema: Schema, prefix = ''): Key[] {
  const order = (member: Schema) => Number(member['x-order'] ?? 0);
  const members = Object.entries(schema.properties ?? {}).sort(
    ([, a], [, b]) => order(a) - order(b),
  );
  return members.flatMap(([name, member]): Key[] => {
    const path = prefix + name;
    let body = member;
    let at = path;
    for (let next = inner(body); next; next = inner(body)) {
      body = next[0];
      at += next[1];
    }
    const key: Key = {
      path,
      type: typeName(member),
      bounds: boundsOf(member),
      required: schema.required?.includes(name) ?? false,
      fallback: fallbackOf(member),
      doc: member.description ?? '',
      notes: notesOf(member),
    };
    return [key, ...(body.properties ? keysOf(body, `${at}.`) : [])];
  });
}
