import xml.etree.ElementTree as ET

import pytest
from luisy.graph import MANY, Vertex, dot, mermaid, png, svg, vertices
from luisy.pipeline import Kind
from luisy.plan import Plan, Step, Verdict

DRAWN = [
    Vertex('a "quoted" <&> \\ name', Verdict.KEEP, ()),
    Vertex("b", Verdict.RUN, (0,)),
    Vertex("c", Verdict.MISSING, (0, 1)),
]


def step(name, verdict=Verdict.RUN, requires=()):
    return Step(name, f"p/{name}", Kind.OUTPUT, verdict, (), tuple(requires))


def test_each_task_is_a_node_of_a_small_plan():
    plan = Plan((step("A(n=1)"), step("A(n=2)"), step("B", requires=[0, 1])))
    assert vertices(plan) == [
        Vertex("A(n=1)", Verdict.RUN, ()),
        Vertex("A(n=2)", Verdict.RUN, ()),
        Vertex("B", Verdict.RUN, (0, 1)),
    ]


def test_families_are_the_nodes_of_a_large_plan():
    steps = [step(f"A(n={number})") for number in range(MANY)]
    steps.append(step("A(n=-1)", Verdict.KEEP))
    plan = Plan((*steps, step("B", requires=range(MANY + 1))))
    assert vertices(plan) == [
        Vertex(f"A x {MANY}", Verdict.RUN, ()),
        Vertex("A", Verdict.KEEP, ()),
        Vertex("B", Verdict.RUN, (0, 1)),
    ]


def test_families_can_be_asked_for():
    plan = Plan((step("A(n=1)"), step("A(n=2)")))
    assert [vertex.label for vertex in vertices(plan, by_family=True)] == ["A x 2"]


def test_mermaid_has_every_node_edge_and_colour():
    text = mermaid(DRAWN)
    assert text.startswith("flowchart LR\n")
    assert '    n1["b"]:::run\n' in text
    assert "#quot;quoted#quot;" in text
    assert text.count("-->") == 3
    assert "classDef missing" in text


def test_dot_escapes_and_has_every_edge():
    text = dot(DRAWN)
    assert 'label="a \\"quoted\\" <&> \\\\ name"' in text
    assert text.count("->") == 3


def test_svg_is_xml_with_a_box_for_each_node():
    tree = ET.fromstring(svg(DRAWN))
    space = "{http://www.w3.org/2000/svg}"
    assert [text.text for text in tree.iter(f"{space}text")] == [one.label for one in DRAWN]
    assert len(list(tree.iter(f"{space}path"))) == 3
    left = [float(box.get("x")) for box in tree.iter(f"{space}rect")]
    assert left == sorted(left)
    assert len(set(left)) == 3


def test_svg_of_nothing_is_still_svg():
    assert ET.fromstring(svg([])).tag.endswith("svg")


def test_png_is_one(tmp_path):
    pytest.importorskip("matplotlib")
    png(DRAWN, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
