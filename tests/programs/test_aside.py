import os
import threading

import pytest

from signflip.programs.aside import Aside


def test_the_work_has_a_thread_of_its_own_and_its_questions_are_answered_in_this_one() -> None:
    answered: list[tuple[int, int]] = []
    aside = Aside[int](lambda question: answered.append((question, threading.get_ident())))

    def work() -> int:
        for question in (1, 2, 3):
            aside.ask(question)
            assert answered[-1][0] == question  # it waits for each
        return threading.get_ident()

    here = threading.get_ident()
    assert aside.run(work) != here
    assert answered == [(1, here), (2, here), (3, here)]


def test_what_the_work_raises_comes_out() -> None:
    def work() -> None:
        raise ZeroDivisionError("from the work")

    with pytest.raises(ZeroDivisionError, match="from the work"):
        Aside[int](lambda _: None).run(work)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_what_an_answer_raises_ends_the_work_and_comes_out(error: type[BaseException]) -> None:
    ended = []

    def answer(question: int) -> None:
        if question == 2:
            raise error("from the answer")

    aside = Aside[int](answer)

    def work() -> None:
        question = 0
        while not aside.stopping:
            question += 1
            aside.ask(question)
        ended.append(question)

    with pytest.raises(error, match="from the answer"):
        aside.run(work)
    assert ended == [2]  # before `run` returned


def test_a_thread_serves_again_for_work_of_its_kind_and_for_one_at_a_time() -> None:
    def mine() -> int:
        return threading.get_ident()

    def nested() -> tuple[int, int]:
        return mine(), Aside[int](lambda _: None).run(mine, kind=-1)

    first = Aside[int](lambda _: None).run(mine, kind=-1)
    assert Aside[int](lambda _: None).run(mine, kind=-1) == first
    assert Aside[int](lambda _: None).run(mine, kind=-2) != first
    outer, inner = Aside[int](lambda _: None).run(nested, kind=-1)
    assert outer == first
    assert inner != outer


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of threads and fork
def test_a_forked_process_has_threads_of_its_own() -> None:
    Aside[int](lambda _: None).run(threading.get_ident, kind=-3)
    child = os.fork()
    if child == 0:  # a thread of the parent would never answer
        found = Aside[int](lambda _: None).run(lambda: 7, kind=-3)
        os._exit(found)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
