// The configuration in force, secrets masked, and the way to read the file anew.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import type {Reload, Status} from '../api/types';
import {useResource} from '../state/resource';
import {reload} from '../ui/act';
import {Ago, Badge, Button, FileName, PageHead, Pending} from '../ui/bits';

// Enough of YAML to tell keys, values and comments apart.
function paint(line: string): JSX.Element {
  const comment = /^(\s*)(#.*)$/.exec(line);
  if (comment) return <span class="yaml-comment">{line}</span>;
  const pair = /^(\s*(?:- )?)([^\s:#'"][^:]*|"[^"]*")(:)(\s.*|)$/.exec(line);
  if (!pair) return <>{line}</>;
  return (
    <>
      {pair[1]}
      <span class="yaml-key">{pair[2]}</span>:{pair[4]}
    </>
  );
}

function Report({report}: {report: Reload}) {
  return (
    <p class="note" role="status">
      <Badge state="ok">reloaded</Badge> {report.summary}
    </p>
  );
}

// As the agent logged it, with the lines and the carets under what is wrong.
const ReloadError = ({text}: {text: string}) => (
  <div class="note bad">
    <p>
      <Badge state="failed">not reloaded</Badge> The file has errors; what is below goes on.
    </p>
    <pre class="report" tabIndex={0} role="region" aria-label="Errors of the last reload">
      {text.trimEnd()}
    </pre>
  </div>
);

export function Config() {
  const {data, error} = useResource<{file: string; yaml: string}>('/api/v1/config', [
    'reload',
    'policy',
  ]);
  const {data: status} = useResource<Status>('/api/v1/status', ['reload']);
  const [busy, setBusy] = useState(false);
  const [report, setReport] = useState<Reload | null>(null);
  const run = async () => {
    setBusy(true);
    setReport(await reload());
    setBusy(false);
  };
  return (
    <>
      <PageHead
        title="Configuration"
        lead={
          data && (
            <>
              <FileName path={data.file} />, in force since{' '}
              <Ago time={status?.reloaded ?? status?.started ?? null} />. Secrets are masked.
            </>
          )
        }
      >
        <Button role="operator" busy={busy} onClick={() => void run()}>
          {busy ? 'Reloading…' : 'Reload the file'}
        </Button>
      </PageHead>
      {report?.applied && <Report report={report} />}
      {status?.reload_error && <ReloadError text={status.reload_error} />}
      {!data ? (
        <Pending error={error} />
      ) : (
        <pre class="yaml" tabIndex={0} role="region" aria-label="Configuration in force">
          {data.yaml.split('\n').map((line, i) => (
            <span class="yaml-line" key={i}>
              {paint(line)}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </>
  );
}
