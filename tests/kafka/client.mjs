// Another maker's Kafka client, for tests of heald's: what each writes the other must read.
// Nothing else is printed: what kafkajs logs as an error it has often put right itself.
//   node client.mjs produce BROKERS TOPIC          writes each line of stdin as a message
//   node client.mjs consume BROKERS TOPIC COUNT    prints that many messages, one JSON a line
import {createInterface} from 'node:readline'
import {Kafka, logLevel, Partitioners} from 'kafkajs'

const [verb, brokers, topic, count] = process.argv.slice(2)
const kafka = new Kafka({clientId: 'heald-test', brokers: brokers.split(','), logLevel: logLevel.NOTHING})

async function produce() {
  const producer = kafka.producer({createPartitioner: Partitioners.DefaultPartitioner})
  await producer.connect()
  const messages = []
  for await (const line of createInterface({input: process.stdin})) messages.push({key: 'key', value: line})
  await producer.send({topic, acks: -1, messages})
  await producer.disconnect()
}

async function consume() {
  const consumer = kafka.consumer({groupId: `heald-test-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 200})
  await consumer.connect()
  await consumer.subscribe({topics: [topic], fromBeginning: true})
  let left = Number(count)
  await new Promise((done, failed) => {
    consumer.on(consumer.events.CRASH, (event) => failed(event.payload.error))
    consumer.run({
      eachMessage: async ({partition, message}) => {
        const headers = Object.fromEntries(
          Object.entries(message.headers).map(([name, value]) => [name, value.toString()]))
        console.log(JSON.stringify({
          partition, key: message.key?.toString() ?? '', value: message.value.toString(), headers}))
        if (--left === 0) done()
      }
    })
  })
  await consumer.disconnect()
}

await (verb === 'produce' ? produce() : consume())
