#pragma once
/// Private to this folder: people of commits in our terms.

#include <string>

#include "reconciler/git/library.h"

namespace tidegate::git {

/// `encoding`: as the commit names it; null = UTF-8.
[[nodiscard]] Person to_person(const git_signature* signature, const char* encoding);

/// "name <email>".
[[nodiscard]] inline std::string text_of(const Person& person) {
    return person.name + " <" + person.email + ">";
}

}  // namespace tidegate::git
