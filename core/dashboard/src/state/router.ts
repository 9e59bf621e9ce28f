// Addresses are in the hash, so that the agent serves one page: /#/incidents/7?state=open
import {Cell} from './cell';

export interface Route {
  page: string; // "incidents"; empty: the overview
  rest: string[]; // ["7"]
  query: URLSearchParams;
}

function parse(): Route {
  if (location.pathname === '/docs') return {page: 'docs', rest: [], query: new URLSearchParams()};
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [page = '', ...rest] = path.split('/').filter(Boolean).map(decode);
  return {page, rest, query: new URLSearchParams(query)};
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = new Cell<Route>(parse());
addEventListener('hashchange', () => route.set(parse()));

// href of a page of ours; names are escaped.
export const at = (...parts: (string | number)[]): string =>
  `/#/${parts.map((part) => encodeURIComponent(part)).join('/')}`;

export const go = (...parts: (string | number)[]): void => void (location.href = at(...parts));
