// The durable chat path on socket.io: join a session's room; every `say` is one Lua call, then the
// other side gets it, then the sender its ack. Run: node socket_io.mjs PORT REDIS_URL
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient, defineScript } from "redis";
import { Server } from "socket.io";

const [port, url] = process.argv.slice(2);

const say = defineScript({
  SCRIPT: readFileSync(new URL("say.lua", import.meta.url), "utf8"),
  NUMBER_OF_KEYS: 2,
  parseCommand(parser, session, clientId, body) {
    parser.pushKey(`peer:{${session}}`);
    parser.pushKey(`peer:{${session}}:timeline`);
    parser.push(clientId, body);
  },
  transformReply: (reply) => reply,
});

// node-redis writes the commands of one event-loop tick as one pipeline.
const store = createClient({ url, scripts: { say } });
const publisher = store.duplicate();
const subscriber = store.duplicate();
await Promise.all([store.connect(), publisher.connect(), subscriber.connect()]);

const server = createServer();
const io = new Server(server, {
  transports: ["websocket"],
  adapter: createAdapter(publisher, subscriber),
});

io.on("connection", (socket) => {
  socket.on("join", (session, done) => {
    socket.join(session);
    done({ session });
  });
  socket.on("say", async (frame, done) => {
    const message = {
      session: frame.session,
      client_id: frame.client_id,
      from: socket.id,
      at: Date.now() / 1000,
      text: frame.text,
    };
    const [seq, again] = await store.say(frame.session, frame.client_id, JSON.stringify(message));
    if (!again) socket.to(frame.session).emit("message", { ...message, seq });
    done({ client_id: frame.client_id, seq });
  });
});

server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
process.on("SIGTERM", () => process.exit(0));
