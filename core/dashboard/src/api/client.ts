// Calls of the API. The token, where one is needed, lives in this tab only.
import {Cell} from '../state/cell';
import type {Diagnostic, Me, Role} from './types';

const TOKEN_KEY = 'heald.token';
const NAME_KEY = 'heald.name';

export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer
    message: string,
    readonly diagnostics: Diagnostic[] = [],
  ) {
    super(message);
  }
}

export const me = new Cell<Me | null>(null);
// Why a token is asked for; null while none is.
export const loginNeeded = new Cell<string | null>(null);

// When the agent was last heard, Date.now(): by an answer or on the stream.
let heardAt = Date.now();
export const lastHeard = (): number => heardAt;
export const noteHeard = (): void => void (heardAt = Date.now());

export const token = (): string => sessionStorage.getItem(TOKEN_KEY) ?? '';

export function setToken(value: string): void {
  if (value) sessionStorage.setItem(TOKEN_KEY, value);
  else sessionStorage.removeItem(TOKEN_KEY);
}

// Where no token is needed, a person may still say who acts; the journal then has the name.
export const ownName = (): string => localStorage.getItem(NAME_KEY) ?? '';

export function setOwnName(name: string): void {
  if (name) localStorage.setItem(NAME_KEY, name);
  else localStorage.removeItem(NAME_KEY);
}

export function authorization(): Record<string, string> {
  return token() ? {Authorization: `Bearer ${token()}`} : {};
}

async function problemOf(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  try {
    const problem = JSON.parse(text) as {
      detail?: string;
      title?: string;
      diagnostics?: Diagnostic[];
    };
    return new ApiError(
      answer.status,
      problem.detail || problem.title || `the agent answered ${answer.status}`,
      problem.diagnostics,
    );
  } catch {
    return new ApiError(answer.status, `the agent answered ${answer.status}`);
  }
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: body ? {...authorization(), 'Content-Type': 'application/json'} : authorization(),
      body: body && JSON.stringify(body),
      cache: 'no-store',
    });
  } catch {
    throw new ApiError(0, 'the agent does not answer');
  }
  // What stands in front of a dead agent answers too.
  if (answer.status < 500) noteHeard();
  if (answer.ok) return (await answer.json()) as T;
  const error = await problemOf(answer);
  if (answer.status === 401) loginNeeded.set(token() ? error.message : '');
  throw error;
}

export const get = <T>(path: string): Promise<T> => call<T>('GET', path);

// A change, in the name of whoever sits here.
export function change<T>(
  method: 'PUT' | 'PATCH' | 'POST' | 'DELETE',
  path: string,
  body: object = {},
): Promise<T> {
  const actor = me.get()?.open ? ownName() : '';
  return call<T>(method, path, actor ? {...body, actor} : body);
}

const ROLES: readonly Role[] = ['sender', 'viewer', 'operator', 'approver', 'admin'];

// Why the one who is logged in may not do what needs `role`; empty when they may.
export function refusal(role: Role): string {
  const who = me.get();
  if (!who || ROLES.indexOf(who.role) >= ROLES.indexOf(role)) return '';
  return `needs the role ${role}; ${who.actor} is ${who.role}`;
}
