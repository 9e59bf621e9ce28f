// How well a policy has done, in one line.
import type {EfficacyReport, PolicyEfficacy} from '../api/types';
import {percent, plural, span} from '../state/format';
import {useResource} from '../state/resource';

const EVENTS = ['outcome', 'incident', 'policy'] as const;

export const useEfficacy = () => useResource<EfficacyReport>('/api/v1/reports/efficacy', EVENTS);

export const took = (seconds: number | null): string =>
  seconds === null ? '–' : span(seconds * 1000);

export function efficacyText(policy: PolicyEfficacy): string {
  const parts: string[] = [];
  if (policy.attempts > 0)
    parts.push(
      `${plural(policy.attempts, 'attempt')}, ${percent(policy.success_ratio)} worked, half within ${took(policy.recover_median_seconds)}`,
    );
  if (policy.would_act > 0) parts.push(`would have acted ${plural(policy.would_act, 'time')}`);
  if (policy.cleared_by_itself > 0)
    parts.push(
      `${plural(policy.cleared_by_itself, 'incident')} cleared without it, half within ${took(policy.cleared_median_seconds)}`,
    );
  return parts.join('; ') || 'nothing in the last 30 days';
}
