// Frames and messages of the session stream, from both ends.
#include "schema/wire/frame.h"
#include "schema/wire/messages.h"
#include "tests/fuzz/fuzzer.h"

namespace tidegate::fuzz {
namespace {

template <class Decode>
void check(std::string_view bytes, const Decode& decode) {
    const auto message = decode(bytes);
    if (!message) return;
    const auto again = wire::encode(*message);
    if (!again) return;  // what is too large to be said may well be heard
    const auto same = decode(*again);
    require(same && *wire::encode(*same) == *again, "what was read comes back");
}

}  // namespace

void run(std::string_view input) {
    check(input, wire::decode_agent);
    check(input, wire::decode_daemon);
    wire::FrameReader reader;
    reader.push(input);
    for (auto next = reader.next(); next && *next; next = reader.next())
        require(!(*next)->empty(), "no frame is empty");
}

}  // namespace tidegate::fuzz
