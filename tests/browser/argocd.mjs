// As much of Argo CD as one rollback takes: an application that is sick until it is rolled back, and
// a token that is refused from then on, so that nothing can be undone. Its sickness is a metric.
import {createServer} from 'node:http';

const [GOOD, BAD] = ['a', 'b'].map((digit) => digit.repeat(40));

export class Argocd {
  history = [GOOD, BAD].map((revision, id) => ({id, revision}));

  get rolledBack() {
    return this.history.length > 2;
  }

  async start() {
    this.server = createServer((request, response) => {
      request.resume();
      const [status, body] = this.answer(request);
      response.writeHead(status, {'Content-Type': 'application/json'}).end(body);
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  answer({method, url}) {
    if (url === '/metrics') return [200, `sick{service="shop"} ${this.rolledBack ? 0 : 1}\n`];
    if (method === 'POST' && this.rolledBack)
      return [401, '{"code": 16, "message": "invalid session: token is expired"}'];
    if (method === 'POST') this.history.push({id: this.history.length, revision: GOOD});
    const status = {history: this.history, health: {status: 'Healthy'}, sync: {status: 'OutOfSync'}};
    return [200, JSON.stringify({metadata: {name: 'checkout', uid: '1'}, spec: {}, status})];
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
