// A value that components can watch: all shared state of the page is in cells.
import {useEffect, useState} from 'preact/hooks';

export class Cell<T> {
  private readonly watchers = new Set<(value: T) => void>();
  constructor(private value: T) {}

  get(): T {
    return this.value;
  }
  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const watcher of [...this.watchers]) watcher(value);
  }
  watch(watcher: (value: T) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

export function useCell<T>(cell: Cell<T>): T {
  return useSelected(cell, (value) => value);
}

// Draws anew only when what was selected has changed.
export function useSelected<T, S>(cell: Cell<T>, select: (value: T) => S): S {
  const [, redraw] = useState<S>(() => select(cell.get()));
  useEffect(() => {
    redraw(() => select(cell.get()));
    return cell.watch((value) => redraw(() => select(value)));
  }, [cell]);
  return select(cell.get());
}
