"""What an endpoint is asked, and what is made of its answer."""

import pytest

from plugins.openai import unfenced


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("# Free the disk\n\nDo it.\n", "# Free the disk\n\nDo it."),
        ("```markdown\n# Free the disk\n\n```sh\ndf\n```\n```", "# Free the disk\n\n```sh\ndf\n```"),
        ("```sh\ndf\n```\n\nThen look.", "```sh\ndf\n```\n\nThen look."),
    ],
)
def test_block_around_the_whole_answer_is_taken_off(text: str, markdown: str) -> None:
    assert unfenced(text) == markdown
