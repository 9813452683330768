// Open loop: five requests leave every second, whatever comes back. 512 tokens in, 256 out, no two prompts alike.
import http from 'k6/http';

export const options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE),
      timeUnit: '1s',
      duration: '8760h',
      preAllocatedVUs: 100,
      maxVUs: 400,
    },
  },
  discardResponseBodies: true,
};

export default function () {
  // Token ids instead of words give the exact number of tokens with every model's tokenizer.
  const prompt = Array.from({ length: Number(__ENV.TOKENS_IN) }, () => 1000 + Math.floor(Math.random() * 20000));
  const body = { model: __ENV.MODEL, prompt, max_tokens: Number(__ENV.TOKENS_OUT), ignore_eos: true };
  http.post(__ENV.URL, JSON.stringify(body), { headers: { 'Content-Type': 'application/json' }, timeout: '120s' });
}
