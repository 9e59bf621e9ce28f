// Who sits here: asks the agent at the start and after each login, then opens the stream.
import {ApiError, get, loginNeeded, me, setToken, token} from '../api/client';
import {connect, disconnect, onEvent} from '../api/stream';
import type {Me, NodeStatus, Pipeline, Policy, Status, SwitchState} from '../api/types';
import {Cell} from './cell';
import {setAgentTime} from './clock';
import {forgetAll, patch} from './resource';

// The agent that this page talks to is another version than the one that served it.
export const outdated = new Cell(false);
let version = '';

export async function start(): Promise<void> {
  try {
    me.set(await get<Me>('/api/v1/me'));
  } catch (error) {
    if ((error as ApiError).status === 401) return;
  }
  void connect();
}

export async function login(given: string): Promise<void> {
  setToken(given);
  try {
    me.set(await get<Me>('/api/v1/me'));
  } catch (error) {
    setToken('');
    throw error;
  }
  loginNeeded.set(null);
  forgetAll();
  void connect();
}

export function logout(): void {
  disconnect();
  setToken('');
  me.set(null);
  forgetAll();
  loginNeeded.set('');
}

export const hasToken = (): boolean => token() !== '';

export function applySwitch(remediation: SwitchState): void {
  patch<Status>('/api/v1/status', (status) => ({...status, remediation}));
}

export function applyPolicy(policy: Policy): void {
  const swap = (policies: Policy[]) =>
    policies.map((old) => (old.name === policy.name ? policy : old));
  patch<{policies: Policy[]}>('/api/v1/policies', (old) => ({policies: swap(old.policies)}));
  patch<Status>('/api/v1/status', (old) => ({...old, policies: swap(old.policies)}));
}

function applyNodes(nodes: NodeStatus[]): void {
  patch<Pipeline>('/api/v1/pipeline', (old) => ({...old, nodes}));
  patch<Status>('/api/v1/status', (old) => ({
    ...old,
    nodes: nodes.filter((node) => node.kind !== 'policy'),
  }));
}

onEvent((name, data) => {
  if (name === 'hello') {
    const hello = data as {now: string; version: string};
    setAgentTime(hello.now);
    if (version && version !== hello.version) outdated.set(true);
    version ||= hello.version;
    if (!me.get())
      void get<Me>('/api/v1/me').then(
        (who) => me.set(who),
        () => undefined,
      );
  } else if (name === 'pipeline') {
    const tick = data as {now: string; nodes: NodeStatus[]};
    setAgentTime(tick.now);
    applyNodes(tick.nodes);
  } else if (name === 'switch') {
    applySwitch(data as SwitchState);
  } else if (name === 'policy') {
    applyPolicy(data as Policy);
  }
});
