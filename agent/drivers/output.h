#pragma once
/// What a script prints, on its way to people: secrets masked, size bounded, valid UTF-8.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::agent {

/// Replaces secrets in a stream by `***`, also where a secret is cut by the borders of chunks.
/// The lines of a secret of several lines are secrets too (an unquoted `echo` joins them).
class Masker {
public:
    explicit Masker(const std::vector<std::string>& secrets);

    /// The masked text that is certain by now; what may be the start of a secret is kept back.
    [[nodiscard]] std::string feed(std::string_view chunk);
    /// What was kept back; the stream is over.
    [[nodiscard]] std::string finish();

private:
    [[nodiscard]] std::size_t next_start(std::string_view text, std::size_t from) const;
    [[nodiscard]] std::string drain(bool last);

    std::vector<std::string> secrets_;  ///< longest first, none empty
    std::string starts_;                ///< the bytes with which secrets start, each once
    std::string pending_;
};

/// Keeps the head and the tail of a stream, at most `bytes_max` together, and counts the rest.
class OutputBuffer {
public:
    explicit OutputBuffer(std::size_t bytes_max) : part_max_{bytes_max / 2} {}

    void append(std::string_view text);
    /// Head, a line that names what was dropped, tail. Valid UTF-8: other bytes become `?`.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::uint64_t dropped_bytes() const;

private:
    std::size_t part_max_;
    std::string head_;
    std::string tail_;  ///< up to twice part_max_ between trims
    std::uint64_t dropped_ = 0;
};

}  // namespace tidegate::agent
