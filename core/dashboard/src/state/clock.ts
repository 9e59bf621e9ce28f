// The agent's time: ages are told by its clock, not by the browser's, which may be off.
import {Cell} from './cell';

let ahead = 0; // of the browser's clock, ms

export const clock = new Cell<number>(Date.now());

export function setAgentTime(now: string | null): void {
  const at = now ? Date.parse(now) : NaN;
  if (Number.isNaN(at)) return;
  ahead = Math.abs(at - Date.now()) < 1000 ? 0 : at - Date.now();
  clock.set(Date.now() + ahead);
}

export const agentNow = (): number => Date.now() + ahead;

setInterval(() => {
  if (!document.hidden) clock.set(agentNow());
}, 1000);
document.addEventListener('visibilitychange', () => clock.set(agentNow()));
