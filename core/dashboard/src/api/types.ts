// The API's records as JSON. The contract is /api/v1/openapi.json; these are the members in use.

export type Time = string | null;
export type Labels = Record<string, string>;
export type Severity = 'normal' | 'info' | 'warning' | 'critical';
export type Mode = 'shadow' | 'approve' | 'enforce';
export type Role = 'sender' | 'viewer' | 'operator' | 'approver' | 'admin';

export interface Me {
  actor: string;
  role: Role;
  open: boolean; // no token is needed
}

export interface SwitchState {
  enabled: boolean;
  actor: string;
  changed: Time;
}

export interface NodeStatus {
  name: string;
  kind: 'source' | 'detector' | 'policy' | 'action' | 'notifier';
  plugin: string;
  enabled: boolean;
  ok: boolean;
  state: string;
  detail: string;
  records_in: number;
  records_out: number;
  errors: number;
  dropped: number;
  queued: number;
  series: number;
  in_per_second: number | null;
  out_per_second: number | null;
  last_received: Time;
}

export interface PipelineEdge {
  from: string;
  to: string;
  records: string;
  outputs: string[];
}

export interface Pipeline {
  file: string;
  nodes: NodeStatus[];
  edges: PipelineEdge[];
}

export interface Policy {
  name: string;
  enabled: boolean;
  mode: Mode;
  action: string;
  recommended_actions: Record<string, string>;
  steps: {
    action: string;
    mode: Mode;
    verify_within_seconds: number;
    on_refused: 'wait' | 'next';
    canary: string | null;
    undo_after_seconds: number | null;
  }[];
  inputs: string[];
  when: string;
  guard: {
    for_seconds: number;
    cooldown_seconds: number;
    max_per_hour: number;
    excluded: string[];
    max_targets: string | null;
    min_healthy: string | null;
    breaker: {failures: number; for_seconds: number};
    windows: string[];
    deny_windows: string[];
  };
  verify_within_seconds: number;
  approval_expires_seconds: number;
  allow_on_prediction: boolean;
  file_enabled: boolean;
  file_mode: Mode;
  changed_by: string | null;
  changed_reason: string | null;
  changed: Time;
}

export interface Storm {
  since: Time;
  until: Time;
  incident: number;
  counted: number;
}

export interface Silence {
  id: string;
  matchers: string[];
  created: Time;
  ends: Time;
  actor: string;
  comment: string;
  active: boolean;
  ended_by: string | null;
}

export interface Figures {
  incidents: number;
  open: number;
  healed: number;
  by_itself: number;
  after_failure: number;
  needed_person: number;
  avoided_pages: number;
  false_positives: number;
  labelled: number;
  healed_ratio: number | null;
  mttr_mean_seconds: number | null;
  mttr_median_seconds: number | null;
}

export interface WeeklyReport {
  now: string;
  weeks: (Figures & {from: string; to: string})[];
  total: Figures;
  policies: (Figures & {name: string})[];
  targets: (Figures & {name: string})[];
}

export interface PolicyEfficacy {
  policy: string;
  attempts: number;
  verified: number;
  failed: number;
  undone: number;
  refused: number;
  would_act: number;
  success_ratio: number | null;
  recover_median_seconds: number | null;
  recover_p90_seconds: number | null;
  cleared_by_itself: number;
  cleared_in_shadow: number;
  cleared_median_seconds: number | null;
}

export interface EfficacyReport {
  since: string;
  policies: PolicyEfficacy[];
  predictions: {
    detector: string;
    came_true: number;
    averted: number;
    false_alarms: number;
    undecidable: number;
    precision_ratio: number | null;
    brier_score: number | null;
    lead_median_seconds: number | null;
  }[];
}

export interface Status {
  version: string;
  pipeline_file: string;
  started: Time;
  now: Time;
  learning: boolean;
  dry_run: boolean;
  remediation: SwitchState;
  open_incidents: number;
  awaiting_approval: number;
  open_predictions: number;
  silences: number; // in force
  storm: Storm | null;
  healthy_since: Time;
  reloaded: Time;
  reload_error: string | null;
  problems: string[];
  nodes: NodeStatus[];
  policies: Policy[];
  links: {name: string; url: string}[];
}

export interface Signal {
  source: string;
  name: string;
  labels: Labels;
  value: number | null;
  time: Time;
}

export interface Service {
  name: string;
  target: Labels;
  state: 'healthy' | 'warning' | 'critical' | 'acting' | 'silent';
  incident: number | null;
  summary: string;
  last_incident: number | null;
  seen: Time;
  series: number;
  signals: Signal[];
}

export interface Contributor {
  name: string;
  share: number | null;
  value: number | null;
  expected: number | null;
}

export interface Judgement {
  outcome: 'pending' | 'came_true' | 'averted' | 'false_alarm' | 'undecidable' | 'superseded';
  text: string;
  probability: number | null;
  made: Time;
  until: Time;
  judged: Time;
  happened: Time;
}

export interface Finding {
  id: string;
  judgement?: Judgement | null;
  incident?: number; // where the finding comes without its incident
  node: string;
  kind: 'anomaly' | 'prediction' | 'event';
  state: 'open' | 'update' | 'clear';
  severity: Severity;
  target: Labels;
  target_name: string;
  metric: string;
  unit: string;
  summary: string;
  description: string;
  value: number | null;
  expected_low: number | null;
  expected_high: number | null;
  score: number | null;
  confidence: number | null;
  began: Time;
  time: Time;
  contributors: Contributor[];
  probability: number | null;
  eta: Time;
  eta_low: Time;
  eta_high: Time;
  component: string;
  recommended_action: string;
  recent: (number | null)[];
  recent_step_seconds: number;
  count: number;
  annotations: Labels;
}

export type IncidentState = 'open' | 'acting' | 'verifying' | 'resolved' | 'escalated';

export type LabelValue = 'true_positive' | 'false_positive' | 'noise' | 'expected';

export interface Label {
  value: LabelValue;
  comment: string;
  actor: string;
  time: Time;
}

export interface Incident {
  id: number;
  label: Label | null;
  resolution: 'none' | 'healed' | 'by_itself' | 'after_failure';
  state: IncidentState;
  severity: Severity;
  trace_id: string;
  target: Labels;
  target_name: string;
  summary: string;
  opened: Time;
  closed: Time;
  silenced_by: string | null;
  muted_by: number | null;
  quiet_since: Time | null;
  findings: Finding[];
}

export interface GuardVerdict {
  guard: string;
  allowed: boolean;
  reason: string;
}

export interface Decision {
  id: string;
  incident: number;
  trace_id: string;
  verdict: string;
  mode: Mode;
  dry_run: boolean;
  policy: string;
  action: string;
  actor: string;
  target: Labels;
  target_name: string;
  finding: string;
  plan: {summary: string; reversible: boolean; target_uid: string; effect_within_seconds: number};
  plan_hash: string;
  guards: GuardVerdict[];
  why: string;
  step: number;
  steps: number;
  expires: Time;
  via: 'api' | 'cli' | 'dashboard' | 'link' | null;
  time: Time;
}

// A decision whose undo waits for a target that can't be reached.
export interface WaitingUndo {
  decision: Decision;
  since: Time;
  why: string;
}

export interface Approvals {
  approvals: Decision[];
  undos: WaitingUndo[];
}

export interface Outcome {
  decision: string;
  incident: number;
  state: string;
  detail: string;
  time: Time;
}

// What an action asked of somebody else, without secrets.
export interface ActionCall {
  call: string;
  answer: string;
  time: Time;
  took_seconds: number;
}

export interface ChainEvent {
  time: Time;
  actor: string;
  event: string;
  decision: string | null;
  text: string;
  calls?: ActionCall[];
}

export interface Hint {
  time: Time;
  text: string;
}

export interface IncidentChain extends Incident {
  hints: Hint[];
  decisions: Decision[];
  outcomes: Outcome[];
  timeline: ChainEvent[];
  afterwards: Record<string, string>; // by decision
  judgements: Record<string, Judgement>; // by prediction
}

export interface Action {
  name: string;
  plugin: string;
  enabled: boolean;
  ok: boolean;
  detail: string;
  policies: string[];
}

export interface Execution {
  decision: string;
  incident: number;
  policy: string;
  action: string;
  target_name: string;
  plan: string;
  actor: string;
  dry_run: boolean;
  state: string;
  attempt: number;
  planned: Time;
  issued: Time;
  observed: Time;
  ended: Time;
  detail: string;
}

export interface AuditEntry {
  seq: number;
  time: Time;
  incident: number | null;
  kind: string;
  actor: string;
  subject: string;
  text: string;
}

export interface Detection {
  took_seconds: number;
  sources: {name: string; ok: boolean; detail: string; samples: number}[];
  findings: Finding[];
}

export interface Plugin {
  kind: 'source' | 'detector' | 'action' | 'notifier';
  name: string;
  doc: string;
  version: string;
  plugin: string;
  file: string;
  inputs: string;
  outputs: string;
  nodes: string[];
  schema?: Schema;
}

// The part of JSON Schema that plugins and the contract use.
export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  example?: unknown;
  examples?: unknown;
  [extension: `x-${string}`]: unknown;
}

export interface Diagnostic {
  file: string;
  line: number;
  column: number;
  severity: 'error' | 'warning';
  message: string;
}

export interface Reload {
  applied: boolean;
  summary: string;
  diagnostics: Diagnostic[];
}
