// The short form of an approval, beside its incident: what is asked, and the answer within reach.
import type {Decision} from '../api/types';
import {at} from '../state/router';
import {decide} from './act';
import {Ago, Button} from './bits';

export function ApprovalLine({decision}: {decision: Decision}) {
  const what = decision.plan.summary;
  return (
    <div class="approval-line" role="group" aria-label={`Approval: ${what}`}>
      <span>
        Waits for your word: <strong>{what}</strong>
        {decision.verdict === 'act' && ` (${decision.why})`}
        {decision.expires && (
          <span class="soft">
            , expires <Ago time={decision.expires} />
          </span>
        )}{' '}
        <a href={at('incidents', decision.incident)} aria-label={`Details of ${what}`}>
          Details
        </a>
      </span>
      <span class="card-tools">
        <Button role="approver" kind="primary" onClick={() => void decide(decision, true)}>
          Approve
        </Button>
        <Button role="operator" onClick={() => void decide(decision, false)}>
          Deny
        </Button>
      </span>
    </div>
  );
}
