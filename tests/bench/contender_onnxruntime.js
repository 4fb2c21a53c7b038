// onnxruntime-node's side of bench_extract.py: MODEL.onnx IMAGES.f32 N BATCH THREADS; the protocol is told in peers.py.
'use strict';
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main() {
    const [model, images] = process.argv.slice(2, 4);
    const [n, batch, threads] = process.argv.slice(4, 7).map(Number);
    const session = await ort.InferenceSession.create(model, {intraOpNumThreads: threads, interOpNumThreads: 1});
    const bytes = fs.readFileSync(images);
    const nhwc = new Float32Array(bytes.buffer, bytes.byteOffset, n * 224 * 224 * 3);
    const nchw = new Float32Array(nhwc.length);
    for (let i = 0; i < n; i++)
        for (let p = 0; p < 224 * 224; p++)
            for (let c = 0; c < 3; c++)
                nchw[(i * 3 + c) * 224 * 224 + p] = nhwc[(i * 224 * 224 + p) * 3 + c];
    console.log('ready');
    for await (const line of require('readline').createInterface({input: process.stdin})) {
        const outputs = [];
        const start = process.hrtime.bigint();
        for (let i = 0; i < n; i += batch) {
            const m = Math.min(batch, n - i);
            const input = new ort.Tensor('float32', nchw.subarray(i * 3 * 224 * 224, (i + m) * 3 * 224 * 224), [m, 3, 224, 224]);
            outputs.push(Object.values(await session.run({image: input}))[0].data);
        }
        const seconds = Number(process.hrtime.bigint() - start) * 1e-9;
        if (line.trim() !== 'run') {
            const features = new Float32Array(n * 25088);
            let at = 0;
            for (const y of outputs)
                for (let i = 0; i < y.length / 25088; i++)
                    for (let p = 0; p < 49; p++)
                        for (let c = 0; c < 512; c++)
                            features[at++] = y[(i * 512 + c) * 49 + p];
            fs.writeFileSync(line.trim(), Buffer.from(features.buffer));
        }
        console.log(seconds, process.resourceUsage().maxRSS);
    }
}
main();
