import {render} from 'preact';
import {App} from './app';
import {start} from './state/session';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/pages.css';

const place = document.getElementById('app');
if (place) render(<App />, place);
void start();
