// Questions before changes that matter, and short notes about what became of them.
import type {ComponentChildren} from 'preact';
import {useEffect, useRef} from 'preact/hooks';
import {Cell, useCell} from '../state/cell';

interface Question {
  title: string;
  body: ComponentChildren;
  yes: string;
  danger?: boolean;
  answer: (yes: boolean) => void;
}

const question = new Cell<Question | null>(null);

export function confirm(asked: Omit<Question, 'answer'>): Promise<boolean> {
  question.get()?.answer(false);
  return new Promise((resolve) => {
    const answer = (yes: boolean) => {
      question.set(null);
      resolve(yes);
    };
    question.set({...asked, answer});
  });
}

// The native dialog keeps the focus inside and gives it back.
export function Modal({
  label,
  onClose,
  children,
}: {
  label: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

export function ConfirmHost() {
  const asked = useCell(question);
  if (!asked) return null;
  return (
    <Modal label={asked.title} onClose={() => asked.answer(false)}>
      <h2>{asked.title}</h2>
      <div class="dialog-text">{asked.body}</div>
      <div class="dialog-tools">
        <button type="button" class="button" onClick={() => asked.answer(false)}>
          Cancel
        </button>
        <button
          type="button"
          class={`button ${asked.danger ? 'danger' : 'primary'}`}
          onClick={() => asked.answer(true)}
        >
          {asked.yes}
        </button>
      </div>
    </Modal>
  );
}

interface Note {
  text: string;
  bad: boolean;
}

const note = new Cell<Note | null>(null);
const announcement = new Cell('');
let timer: ReturnType<typeof setTimeout> | undefined;

export function tell(text: string, bad = false): void {
  clearTimeout(timer);
  note.set({text, bad});
  timer = setTimeout(() => note.set(null), bad ? 15_000 : 6_000);
}

// Read out by screen readers, shown nowhere: the page itself shows it.
export const announce = (text: string): void => announcement.set(text);

export function NoteHost() {
  const shown = useCell(note);
  const said = useCell(announcement);
  return (
    <>
      <div class="toast-place" role="status" aria-live="polite">
        {shown && (
          <div class={`toast ${shown.bad ? 'bad' : ''}`}>
            {shown.text}
            <button type="button" class="button quiet" onClick={() => note.set(null)}>
              Dismiss
            </button>
          </div>
        )}
      </div>
      <div class="visually-hidden" aria-live="polite">
        {said}
      </div>
    </>
  );
}
