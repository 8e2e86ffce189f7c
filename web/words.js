// Every text of the page, in both languages.
const ZH = {
  subtitle: "左边是客户，右边是客服：一分钟试用",
  customer: "客户", agent: "客服", end: "结束会话", ask_hint: "输入站点，开始咨询。",
  site: "站点", queue_wanted: "队列（可空）", start: "开始咨询", rate: "请为本次服务评分",
  rated: "感谢您的评价！", again: "再次咨询", send: "发送", write: "输入消息…",
  available: "在线", break: "小休", offline: "离线", missed: "未接", org: "组织", login: "账号",
  password: "密码", sign_in: "登录", sign_out: "退出", to_queue: "转队列", to_agent: "转客服",
  transfer_hint: "队列或客服编号", transfer: "转接", disposition: "服务小结", wrap_up: "完成小结",
  human: "转人工", unhelpful: "没有帮到我", use: "发送", edit: "修改后发", inside: "仅客服可见",
  note: "内部备注", accept: "接受", decline: "拒绝", offer: "新会话", waited: "已等待",
  position: "您前面还有 {n} 位，预计等待 {eta}", position_next: "您是下一位，预计等待 {eta}",
  eta_unknown: "未知", seconds: "{n} 秒", minutes: "{n} 分钟", typing: "正在输入…",
  typing_preview: "正在输入：{text}", recalled: "消息已撤回", recall: "撤回", connecting: "连接中…",
  on: "已连接", off: "未连接", again_in: "连接断开，{n} 秒后重连…",
  idle_available: "等待客户，新会话会显示在这里。", idle_break: "小休中：不会分配新会话。",
  idle_offline: "您现在离线。点“在线”开始接待客户。",
  idle: "会话长时间无消息，即将自动关闭。", sent: "已发送", delivered: "已送达", read: "已读",
  sending: "发送中", reset: "更早的消息请查看历史记录。", visitor: "访客", me: "我",
  "event.opened": "会话开始", "event.waiting": "排队等待客服", "event.assigned": "{agent} 为您服务",
  "event.agent_lost": "{agent} 已断线，正在重新分配", "event.transferred": "会话已转接",
  "event.transfer_asked": "已申请转接到 {target}", "event.transfer_failed": "转接未成功",
  "event.consulting": "正在咨询 {agent}", "event.consult_ended": "咨询结束",
  "event.joined": "{agent} 加入会话", "event.left": "{agent} 离开会话",
  "event.taken_over": "{agent} 接管会话", "event.rated": "客户评分：{score}",
  "event.wrap_up": "会话已结束", "event.closed": "会话已关闭", "event.wrapped_up": "小结已提交",
};
const EN = {
  subtitle: "A customer on the left, an agent on the right: try it in a minute",
  customer: "Customer", agent: "Agent", end: "End", ask_hint: "Name the site and ask for help.",
  site: "Site", queue_wanted: "Queue (optional)", start: "Ask for help",
  rate: "How did we do?", rated: "Thank you!", again: "Ask again", send: "Send",
  write: "Write a message…", available: "Available", break: "Break", offline: "Offline",
  missed: "Missed", org: "Organisation", login: "Login", password: "Password", sign_in: "Sign in",
  sign_out: "Sign out",
  to_queue: "To queue", to_agent: "To agent", transfer_hint: "Queue or agent id",
  transfer: "Transfer", disposition: "Result of the conversation", wrap_up: "Finish wrap-up",
  human: "Talk to a person", unhelpful: "Not helpful", use: "Send", edit: "Edit first",
  inside: "For you only",
  note: "Internal note", accept: "Accept", decline: "Decline", offer: "New contact",
  waited: "waited", position: "{n} before you, about {eta}", position_next: "You are next, about {eta}",
  eta_unknown: "unknown wait", seconds: "{n} s", minutes: "{n} min", typing: "is typing…",
  typing_preview: "is typing: {text}", recalled: "Message recalled", recall: "Recall",
  connecting: "Connecting…", on: "Connected", off: "Not connected",
  again_in: "Connection lost, next try in {n} s…",
  idle_available: "Waiting for customers: new contacts appear here.",
  idle_break: "On a break: you get no new contacts.",
  idle_offline: "You are offline. Press Available to serve customers.",
  idle: "It is quiet here: the session will close soon.", sent: "Sent", delivered: "Delivered",
  read: "Read", sending: "Sending", reset: "Earlier messages are in the history.",
  visitor: "Visitor", me: "Me",
  "event.opened": "Session opened", "event.waiting": "Waiting for an agent",
  "event.assigned": "{agent} is here to help", "event.agent_lost": "{agent} was lost, finding another",
  "event.transferred": "Session transferred", "event.transfer_asked": "Transfer to {target} asked for",
  "event.transfer_failed": "The transfer failed", "event.consulting": "Consulting {agent}",
  "event.consult_ended": "Consultation ended", "event.joined": "{agent} joined",
  "event.left": "{agent} left", "event.taken_over": "{agent} took over",
  "event.rated": "Rated {score}", "event.wrap_up": "The conversation has ended",
  "event.closed": "Session closed", "event.wrapped_up": "Wrap-up finished",
};

const languages = { zh: ZH, en: EN };
let current = (localStorage.getItem("language") || navigator.language).startsWith("en") ? "en" : "zh";

/** Learn the texts of another page. */
export function addWords(zh, en) {
  Object.assign(ZH, zh);
  Object.assign(EN, en);
}

/** Return the text of a word, its {keys} filled in; the word itself if there is none. */
export function word(name, keys = {}) {
  const text = languages[current][name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => keys[key] ?? "");
}

/** Write every text of the page in the present language. */
export function translate(root = document) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of root.querySelectorAll("[data-hint]")) {
    node.placeholder = word(node.dataset.hint);
    node.setAttribute("aria-label", word(node.dataset.hint));
  }
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
}

/** Change to the other language and return the name of the one to change to next. */
export function switchLanguage() {
  current = current === "zh" ? "en" : "zh";
  localStorage.setItem("language", current);
  translate();
  return otherLanguage();
}

export function otherLanguage() {
  return current === "zh" ? "English" : "中文";
}
