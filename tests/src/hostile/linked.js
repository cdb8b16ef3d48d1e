// A member of a room that opens links without huddle_mesh, as a stock client or as a supposed player, and then runs
// attacks on them.
const [url, tagged] = arguments;
const attacker = { id: null, links: {}, log: [], closed: 0 };
globalThis.attacker = attacker;

const socket = new WebSocket(url);
const signal = (receiver, data) => socket.send(JSON.stringify({ Signal: { receiver, data } }));

const tag = (offer, sdp) => {
    const attempt = /a=huddle:v2 (\d+)/.exec(offer);
    return tagged && attempt ? sdp.replace('t=0 0\r\n', `t=0 0\r\na=huddle:v2 ${attempt[1]}\r\n`) : sdp;
};

const answer = async (sender, offer) => {
    const connection = new RTCPeerConnection();
    const channels = [0, 1, 2].map((id) => {
        const options = { negotiated: true, id, ordered: id > 0 };
        if (id === 0) options.maxRetransmits = 0;
        const channel = connection.createDataChannel(`matchbox_socket_${id}`, options);
        channel.binaryType = 'arraybuffer';
        channel.onclose = () => { attacker.closed += 1; };
        return channel;
    });
    attacker.links[sender] = { connection, channels };
    connection.onicecandidate = ({ candidate }) => {
        if (candidate) signal(sender, { IceCandidate: JSON.stringify(candidate) });
    };
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const made = await connection.createAnswer();
    await connection.setLocalDescription(made);
    signal(sender, { Answer: tag(offer, connection.localDescription.sdp) });
};

socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.IdAssigned) attacker.id = event.IdAssigned;
    const offer = event.Signal?.data?.Offer;
    if (offer) answer(event.Signal.sender, offer).catch((error) => attacker.log.push(String(error)));
};

attacker.open = () => Object.values(attacker.links)
    .filter(({ channels }) => channels.every((channel) => channel.readyState === 'open')).length;

const bytes = (length, first) => {
    const array = new Uint8Array(length).map(() => Math.random() * 256);
    if (first !== undefined && length > 0) array[0] = first;
    return array;
};

// The attacks by name.
const attacks = {
    text: (channel) => channel.send('text where bytes belong'),
    blob: (channel) => channel.send(new Blob([bytes(100)])),
    empty: (channel) => channel.send(new Uint8Array(0)),
    oversized: (channel) => channel.send(bytes(40000, 0x20)),
    control: (channel) => channel.send(bytes(1 + Math.floor(Math.random() * 60), 0xff)),
    truncated: (channel) => channel.send(new Uint8Array([0xff, 0, 1, 2, 3])),
    packets: (channel) => channel.send(bytes(Math.floor(Math.random() * 1200), 0x20)),
    channels: (_, connection) => connection.createDataChannel('attacker'),
};

attacker.attack = (name, times) => {
    let sent = 0;
    for (const { connection, channels } of Object.values(attacker.links)) {
        for (const channel of channels) {
            for (let i = 0; i < times && channel.readyState === 'open'; i += 1) {
                try {
                    attacks[name](channel, connection);
                    sent += 1;
                } catch (error) {
                    attacker.log.push(`${name}: ${error}`);
                    break;
                }
            }
        }
    }
    return sent;
};
