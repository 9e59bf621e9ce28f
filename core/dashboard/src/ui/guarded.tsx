// A page that fails to draw takes nothing else down.
import {Component, type ComponentChildren} from 'preact';

export class Guarded extends Component<{children: ComponentChildren}, {failed: string}> {
  override state = {failed: ''};

  override componentDidCatch(error: Error): void {
    console.error(error);
    this.setState({failed: error.message});
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <p class="note bad" role="alert">
        This page could not be drawn: {this.state.failed}.{' '}
        <button type="button" class="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </p>
    );
  }
}
