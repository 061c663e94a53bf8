#include "reconciler/git/people.h"

#include "reconciler/git/recode.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

/// Anybody writes what they like as their name, and every action carries it. Cut once more where
/// cleaning made it longer.
std::string to_word(std::string_view text, const char* encoding) {
    const auto clean = one_line(recoded(head_of(text, limits::kPersonBytesMax), encoding));
    return std::string(head_of(clean, limits::kPersonBytesMax));
}

}  // namespace

Person to_person(const git_signature* signature, const char* encoding) {
    if (!signature) return {};
    return {to_word(signature->name, encoding), to_word(signature->email, encoding)};
}

}  // namespace tidegate::git
