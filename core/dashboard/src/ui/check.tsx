// "Check now": asks the agent to look at once, and tells what it found.
import {useState} from 'preact/hooks';
import type {Detection} from '../api/types';
import {parted, plural} from '../state/format';
import {checkNow} from './act';
import {Badge, Button, NodeLink} from './bits';
import {Modal} from './dialog';
import {Icon} from './icons';

export function CheckNow() {
  const [busy, setBusy] = useState(false);
  const [report, setReport] = useState<Detection | null>(null);
  const run = async () => {
    setBusy(true);
    setReport(await checkNow());
    setBusy(false);
  };
  return (
    <>
      <Button role="operator" busy={busy} onClick={() => void run()}>
        <Icon name="play" /> {busy ? 'Checking…' : 'Check now'}
      </Button>
      {report && <Result report={report} onClose={() => setReport(null)} />}
    </>
  );
}

function Result({report, onClose}: {report: Detection; onClose: () => void}) {
  return (
    <Modal label="What the check found" onClose={onClose}>
      <h2>
        {report.findings.length
          ? `${plural(report.findings.length, 'finding')} open`
          : 'Nothing is unusual'}
      </h2>
      <p class="soft">
        {plural(report.sources.length, 'source')} asked, {report.took_seconds.toFixed(2)} s.
      </p>
      <ul class="plain">
        {report.findings.map((finding) => (
          <li key={finding.id}>
            <Badge state={finding.severity} /> {parted(finding.description)}
          </li>
        ))}
      </ul>
      <ul class="plain">
        {report.sources.map((source) => (
          <li key={source.name}>
            <Badge state={source.ok ? 'ok' : 'failed'} /> <NodeLink name={source.name} />:{' '}
            {plural(source.samples, 'sample')}
            {source.detail && `, ${source.detail}`}
          </li>
        ))}
      </ul>
      <div class="dialog-tools">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  );
}
